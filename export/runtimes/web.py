"""Runs signatures in onnxruntime-web, WebAssembly on one thread: python -m export.runtimes.web JOBS ANSWERS

Headless Chromium gets the page, the runtime and the models from a server on the loopback interface,
and each job through Playwright.
"""

import json
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .. import browser, node

PAGE = b"""<!doctype html><title>tfgen</title><link rel="icon" href="data:,"><script type="module">
import * as ort from "/ort/ort.wasm.min.mjs";
import {answer} from "/jobs.mjs";
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = "/ort/";
window.answer = (number, job) => answer(ort, `/models/${number}`, job);
</script>"""


class Handler(SimpleHTTPRequestHandler):
    extensions_map = {".mjs": "text/javascript", ".wasm": "application/wasm"}
    models = ()

    def translate_path(self, path):
        kind, _, name = path.strip("/").partition("/")
        if kind == "models":
            return self.models[int(name)]
        if kind == "ort":
            return str(node.modules() / "onnxruntime-web" / "dist" / Path(name).name)
        return str(Path(__file__).with_name("jobs.mjs"))

    def do_GET(self):
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


def main(jobs, answers):
    jobs = json.loads(Path(jobs).read_text())
    Handler.models = [job["path"] for job in jobs]
    package = json.loads((node.modules() / "onnxruntime-web" / "package.json").read_text())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with browser.page() as page, open(answers, "a", buffering=1) as stream:
        page.set_default_timeout(0)  # the parent has a limit
        versions = {"onnxruntime-web": package["version"], "chromium": page.context.browser.version}
        print(json.dumps({"versions": versions}), file=stream)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_function("window.answer")
        for number, job in enumerate(jobs):
            answer = page.evaluate("([number, job]) => answer(number, job)", [number, job])
            print(json.dumps(answer), file=stream)


if __name__ == "__main__":
    main(*sys.argv[1:])
