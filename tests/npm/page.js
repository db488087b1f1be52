'use strict';
// node page.js GATE_PORT SCREENSHOT
// Two people in two real browser windows (Debian's Chromium) chat with each other on the example's page. Prints "chatting" once
// each has seen the other's words; then says one more thing for each line on stdin, prints "heard" when the other window shows
// it, and ends at "stop" with a screenshot.
const { chromium } = require('playwright-core');
const readline = require('readline');

const [gatePort, screenshot] = process.argv.slice(2);
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

async function enter(browser, name) {
  const page = await browser.newPage({ viewport: { width: 900, height: 600 } });
  page.on('pageerror', (e) => { console.error(`page of ${name}: ${e}`); process.exit(1); });
  await page.goto(`http://127.0.0.1:${gatePort}/`);
  await page.fill('input[name=name]', name);
  await page.click('#enter button');
  await page.waitForSelector('#say:not([hidden])');
  return page;
}
async function say(page, text) {
  await page.fill('input[name=text]', text);
  await page.click('#say button');
}
function sees(page, who, text) {
  return page.waitForFunction(([w, t]) => [...document.querySelectorAll('#log li')]
    .some((li) => li.querySelector('b')?.textContent === `${w}: ` && li.textContent.endsWith(t)), [who, text]);
}

(async () => {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
  const ann = await enter(browser, 'ann');
  const bert = await enter(browser, 'bert');
  await say(ann, 'hello, who is there?');
  await sees(bert, 'ann', 'hello, who is there?');
  await say(bert, 'me');
  await sees(ann, 'bert', 'me');
  const users = await ann.$$eval('#users li', (all) => all.map((li) => li.textContent));
  if (users.join() !== 'ann (you),bert') throw new Error(`the list of users shows ${users}`);
  console.log('chatting');
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line === 'stop') break;
    await say(bert, line);
    await sees(ann, 'bert', line);
    console.log('heard');
  }
  await ann.screenshot({ path: screenshot });
  await browser.close();
  process.exit(0); // stdin may still be open
})().catch((e) => { console.error(String(e)); process.exit(1); });
