'use strict';
// node client.js BUILD CLUSTER
// Runs the scenarios of clients/typescript in a page of Debian's Chromium: BUILD is where its tests were compiled to, CLUSTER
// says where the cluster is, {"gate":3014,"connectors":[{"port":3050,"pid":4711}],"protobuf":false}. Prints a line for each scenario, then
// "all passed".
const fs = require('fs');
const http = require('http');
const path = require('path');
const { chromium } = require('playwright-core');

const [build, clusterJson] = process.argv.slice(2);
const cluster = JSON.parse(clusterJson);
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const SCENARIOS = '/clients/typescript/test/cluster/scenarios.js';

// Only what was compiled, as modules; any other path is an empty page.
function serve(request, response) {
  const file = path.join(build, path.normalize(new URL(request.url, 'http://x').pathname));
  if (!file.endsWith('.js') || !fs.existsSync(file)) {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>client</title>');
    return;
  }
  response.writeHead(200, { 'content-type': 'text/javascript' }).end(fs.readFileSync(file));
}

(async () => {
  const server = http.createServer(serve);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
  const page = await browser.newPage();
  page.on('pageerror', (e) => { console.error(`page: ${e}`); process.exit(1); });
  await page.exposeFunction('kill', (port) => {
    const found = cluster.connectors.find((connector) => connector.port === port);
    if (!found) throw new Error(`no connector at ${port}`);
    process.kill(found.pid, 'SIGKILL');
  });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const names = await page.evaluate(async (at) => (await import(at)).SCENARIOS.map(({ name }) => name), SCENARIOS);
  if (names.length === 0) throw new Error('there are no scenarios');
  for (const name of names) {
    await page.evaluate(async ([at, wanted, { gate, protobuf }]) => {
      const { run } = (await import(at)).SCENARIOS.find((scenario) => scenario.name === wanted);
      await run({ gate, protobuf, scheme: 'ws', kill: (port) => window.kill(port) });
    }, [SCENARIOS, name, cluster]);
    console.log(`passed: ${name}`);
  }
  await browser.close();
  console.log('all passed');
  process.exit(0);
})().catch((e) => { console.error(String(e)); process.exit(1); });
