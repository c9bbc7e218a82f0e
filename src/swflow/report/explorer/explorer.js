// Draws samples of an exported network: source points from a seed, one pass of the network for
// what the controls say, images or points on the canvas. Everything is read from this folder.
"use strict";

const IMAGES = 16, POINTS = 2000;
const byId = (id) => document.getElementById(id);

/** Standard normal numbers that a seed determines (mulberry32, Box and Muller). */
function normals(n, seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const found = new Float32Array(n);
  for (let k = 0; k < n; k += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform())), angle = 2 * Math.PI * uniform();
    found[k] = radius * Math.cos(angle);
    if (k + 1 < n) found[k + 1] = radius * Math.sin(angle);
  }
  return found;
}

/** The standard normal distribution function (Abramowitz and Stegun 26.2.17, error 7.5e-8). */
function normalBelow(z) {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const upper = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * tail;
  return z > 0 ? 1 - upper : upper;
}

/** Source points between those of two seeds: cos φ·z + sin φ·z′ has the source's law, too. */
function sources(model, n, seed, walk) {
  const size = n * model.dim, angle = (walk * Math.PI) / 2;
  const first = normals(size, seed), second = normals(size, seed + 0x9e3779b9);
  const { law, mean, scale } = model.source;
  return first.map((z, k) => {
    const between = Math.cos(angle) * z + Math.sin(angle) * second[k];
    const standard = law === "uniform" ? (2 * normalBelow(between) - 1) * Math.sqrt(3) : between;
    return mean + scale * standard;
  });
}

/** What the controls say: time on the network's logarithmic clock, entropy on that of its root. */
function asked(model) {
  const part = (id) => Number(byId(id).value) / 1000;
  const [low, high] = model.entropies;
  const entropy = low + (high - low) * part("entropy") ** 2;
  return {
    time: Math.expm1(Math.log1p(model.horizon) * part("time")),
    entropy: Math.min(Math.max(entropy, low), high),
    label: model.labels.length ? byId("label").value : "0",
    walk: part("walk"),
    seed: Number(byId("seed").value) >>> 0,
  };
}

/** Runs the network. A graph leaves out inputs that it does not use. */
async function draw(session, model, choice) {
  const n = model.shape.length >= 2 ? IMAGES : POINTS;
  const labels = choice.label === "all"
    ? Array.from({ length: n }, (_, k) => model.labels[k % model.labels.length])
    : Array(n).fill(Number(choice.label));
  const whole = {
    source: new ort.Tensor("float32", sources(model, n, choice.seed, choice.walk), [n, model.dim]),
    time: new ort.Tensor("float32", new Float32Array(n).fill(choice.time), [n]),
    entropy: new ort.Tensor("float32", new Float32Array(n).fill(choice.entropy), [n]),
    label: new ort.Tensor("int64", BigInt64Array.from(labels, BigInt), [n]),
  };
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, whole[name]]));
  return (await session.run(feeds))[session.outputNames[0]].data;
}

/** A square of images, grey ones dark on light as in the figures. */
function showImages(context, model, values) {
  const [channels, height, width] = [1, ...model.shape].slice(-3);
  const side = Math.ceil(Math.sqrt(IMAGES)), [low, high] = model.range;
  const one = new ImageData(width, height), small = document.createElement("canvas");
  [small.width, small.height] = [width, height];
  const cell = Math.floor(context.canvas.width / side), size = cell - 4;
  context.imageSmoothingEnabled = false;
  for (let image = 0; image < IMAGES; image++) {
    const start = image * channels * height * width;
    for (let pixel = 0; pixel < height * width; pixel++) {
      for (let colour = 0; colour < 3; colour++) {
        const channel = channels === 3 ? colour : 0;
        const value = (values[start + channel * height * width + pixel] - low) / (high - low);
        one.data[4 * pixel + colour] = 255 * (channels === 3 ? value : 1 - value);
      }
      one.data[4 * pixel + 3] = 255;
    }
    small.getContext("2d").putImageData(one, 0, 0);
    context.drawImage(small, cell * (image % side) + 2, cell * Math.floor(image / side) + 2, size, size);
  }
}

/** Points of the plane, within the data's range. */
function showPoints(context, model, values) {
  const { width, height } = context.canvas, [low, high] = model.range;
  const middle = (low + high) / 2, reach = 0.6 * (high - low);
  context.fillStyle = getComputedStyle(document.body).color;
  context.globalAlpha = 0.5;
  for (let k = 0; k < values.length; k += model.dim) {
    const x = 0.5 + (values[k] - middle) / (2 * reach);
    const y = model.dim > 1 ? 0.5 - (values[k + 1] - middle) / (2 * reach) : 0.5;
    context.fillRect(x * width - 1, y * height - 1, 3, 3);
  }
  context.globalAlpha = 1;
}

async function start() {
  if (location.protocol === "file:") {
    throw new Error("A browser reads no files for a page of the file system. In this folder run: python3 -m http.server, and open http://localhost:8000");
  }
  if (typeof WebAssembly !== "object" || typeof ort === "undefined") {
    throw new Error("This browser has no WebAssembly, which the network runs in: take another one.");
  }
  const model = await (await fetch("model.json")).json();
  ort.env.wasm.wasmPaths = new URL(".", location.href).href;
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create("model.onnx");
  byId("title").textContent = `swflow explorer: ${model.dataset}`;
  byId("label").replaceChildren(...["all", ...model.labels].map((of) => new Option(of, of)));
  byId("label-row").hidden = !model.labels.length;
  byId("entropy-row").hidden = model.entropies[0] === model.entropies[1];
  byId("controls").hidden = false;

  const context = byId("view").getContext("2d");
  let running = false, again = false;
  async function update() {
    if (running) { again = true; return; }
    running = true;
    do {
      again = false;
      const choice = asked(model), began = performance.now();
      const values = await draw(session, model, choice);
      const spent = performance.now() - began;
      context.clearRect(0, 0, context.canvas.width, context.canvas.height);
      (model.shape.length >= 2 ? showImages : showPoints)(context, model, values);
      byId("time-said").textContent = `τ = ${choice.time.toPrecision(3)}`;
      byId("entropy-said").textContent = `ε = ${choice.entropy.toPrecision(2)}`;
      byId("walk-said").textContent = `${Math.round(90 * choice.walk)}°`;
      byId("status").textContent = `${model.shape.length >= 2 ? IMAGES : POINTS} samples in ${spent.toFixed(0)} ms, drawn by this browser`;
      byId("status").dataset.milliseconds = spent.toFixed(1);
    } while (again);
    running = false;
  }
  byId("controls").addEventListener("input", update);
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("next").addEventListener("click", () => { byId("seed").value = (Number(byId("seed").value) + 1) >>> 0; update(); });
  byId("play").addEventListener("click", async () => {
    for (let k = 0; k <= 1000; k += 25) {
      byId("time").value = k;
      await update();
      await new Promise((next) => requestAnimationFrame(next));
    }
  });
  await update();
}

start().catch((error) => { byId("status").textContent = error.message; byId("status").dataset.failed = "yes"; });
