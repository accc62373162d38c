"""Measures the page in headless Chromium: python tools/page_speed.py DIR ... [--to FILE.json]

For each artifact, milliseconds from a slider's input event until the large image is painted: the
sliders of a latent, or that of the temperature. The next move begins when the last one is painted. For
a model of captions, from another text until its first image is painted, while the page does nothing else.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import threading
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path[:0] = [str(Path(__file__).parents[1])]

from export import browser, node, page
from tfgen.files import replacing

MOVES = 100  # after WARM more, in which the browser compiles what is hot
WARM = 20

MOVE = """async (moves) => {
    const paint = CanvasRenderingContext2D.prototype.putImageData;
    let painted;
    CanvasRenderingContext2D.prototype.putImageData = function (...all) {
        paint.apply(this, all);
        if (this.canvas.id === "picture") painted(performance.now());
    };
    const text = document.querySelector("#text-field").hidden ? null : document.querySelector("#text");
    const idle = async () => {
        const busy = () => document.querySelector("main").getAttribute("aria-busy") !== "false";
        while (busy()) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    const sliders = [...document.querySelectorAll("#latent input")];
    if (!sliders.length) sliders.push(document.querySelector("#temperature"));
    const ms = [];
    for (let i = 0; i < moves; i++) {
        const slider = text ?? sliders[i % sliders.length];
        const share = ((i * 37) % 101) / 101;
        if (text) await idle();
        slider.value = text
            ? ["a red bird", "two cats", "a house", "the sun"][i % 4].slice(0, text.maxLength)
            : Number(slider.min) + share * (slider.max - slider.min);
        const end = new Promise((resolve) => (painted = resolve));
        const start = performance.now();
        slider.dispatchEvent(new Event("input"));
        ms.push((await end) - start);
    }
    return ms;
}"""


def measured(artifacts):
    """Rows {artifact, model, ...} and the browser's version."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        page.write(artifacts, site)
        with page.server(site) as running, browser.page() as tab:
            threading.Thread(target=running.serve_forever, daemon=True).start()
            try:
                for artifact in json.loads((site / "manifest.json").read_text())["artifacts"]:
                    if "translators" in artifact:  # they have no slider that asks the model
                        continue
                    tab.goto("about:blank")
                    tab.goto(f"http://127.0.0.1:{running.server_port}/#artifact={artifact['name']}")
                    tab.wait_for_selector("main[aria-busy=false]")
                    of_texts = any(
                        one["name"] == "captions"
                        for each in artifact["signatures"].values()
                        for one in each["inputs"]
                    )
                    warm, moves = (WARM, MOVES) if not of_texts else (2, 20)
                    ms = sorted(tab.evaluate(MOVE, warm + moves)[warm:])
                    row = {"artifact": artifact["name"], "model": artifact["model"], "moves": moves}
                    slider = "latent" if artifact["decoder"] else "text" if of_texts else "temperature"
                    row |= {"slider": slider}
                    quantiles = {"median_ms": moves // 2, "p95_ms": moves * 95 // 100, "largest_ms": -1}
                    rows.append(row | {name: round(ms[place], 2) for name, place in quantiles.items()})
                    print(json.dumps(rows[-1]))
                return rows, tab.context.browser.version
            finally:
                running.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("artifacts", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--to", type=Path, default=Path("results/benchmarks/page.json"))
    options = parser.parse_args()
    rows, chromium = measured(options.artifacts)
    machine = {"cpu_cores": os.cpu_count(), "machine": platform.machine()}
    machine["versions"] = {"chromium": chromium, "onnxruntime-web": node.VERSION}
    with replacing(options.to) as part:
        part.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
