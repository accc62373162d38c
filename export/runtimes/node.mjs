// Runs signatures in onnxruntime-node: node node.mjs NODE_MODULES JOBS ANSWERS

import fs from "node:fs";
import {createRequire} from "node:module";
import {answer} from "./jobs.mjs";

const [modules, jobs, answers] = process.argv.slice(2);
const require = createRequire(modules + "/");
const ort = require("onnxruntime-node");
const write = line => fs.appendFileSync(answers, JSON.stringify(line) + "\n");

const {version} = JSON.parse(fs.readFileSync(`${modules}/onnxruntime-node/package.json`));
write({versions: {"onnxruntime-node": version, node: process.versions.node}});
for (const job of JSON.parse(fs.readFileSync(jobs))) write(await answer(ort, job.path, job));
