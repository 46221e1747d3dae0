const { Worker, isMainThread, parentPort } = require('worker_threads');
const { exec } = require('child_process');
const fs = require('fs');
if (isMainThread) {
  const worker = new Worker(__filename);
  worker.on('message', (m) => console.log('got', m));
  worker.on('exit', async () => {
    console.log((await fs.promises.readFile('tree/numbers', 'utf8')).length);
    exec('echo from a shell', (e, out) => console.log(e, out));
  });
} else {
  parentPort.postMessage([1, 2, 3].map((x) => x ** 0.5));
}
