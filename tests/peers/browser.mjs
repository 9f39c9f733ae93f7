// Drives Chromium through lists of steps, one JSON array on each line of standard input, in one
// browser. Each is answered with a line of what it read: {"ok":true,"values":{...},"url":...} or
// {"ok":false,"step":2,"error":...,"url":...,"text":...}, after which nothing more is done.
//
//   {"goto": URL}                                  {"fill": FIELD, "with": TEXT}
//   {"click": FIELD}                               {"select": FIELD, "option": LABEL}
//   {"wait_url": REGEX}                            {"wait_for": FIELD}
//   {"press": KEY}                                 {"screenshot": PATH}
//   {"upload": FIELD, "with": PATH}
//   {"read": FIELD or "body", "as": NAME}          {"json": NAME}   the page's text, parsed
//   {"evaluate": FUNCTION, "with": VALUE, "as": NAME}   runs in the page
//   {"url": NAME}                                  {"viewport": {"width": N, "height": N}}
//   {"tab": N}             goes on in the Nth tab, once it is there; 0 is the first
//   {"passkeys": true}     the browser has a place for passkeys that answers by itself
//   {"axe": NAME}          what axe-core finds on the page, in a light and in a dark theme
// FIELD is {"label": T}, {"role": R, "name": T}, {"text": T} or {"css": S}; a string means css.
import fs from 'node:fs';
import path from 'node:path';
import os from 'node:os';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const STEP_TIMEOUT_MS = 15_000;
const profile = fs.mkdtempSync(path.join(process.env.WORK ?? os.tmpdir(), 'browser-'));

const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  ignoreHTTPSErrors: true,
  // The sandbox needs what a container's root has not got; nothing may leave the machine.
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
    '--host-resolver-rules=MAP login.*.example 127.0.0.1', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
context.setDefaultTimeout(STEP_TIMEOUT_MS);
let complaints = [];
function watch(tab) {
  tab.on('console', (message) => {
    // A directory or an application may lack an icon, and says so whenever it likes; ours is elsewhere.
    const isIcon = message.location().url.endsWith('/favicon.ico');
    if (message.type() === 'error' && !isIcon) complaints.push(message.text());
  });
  tab.on('pageerror', (error) => complaints.push(String(error)));
  // Whoever is asked whether they are sure, is.
  tab.on('dialog', (dialog) => dialog.accept());
}
context.pages().forEach(watch);
context.on('page', watch);
let page = context.pages()[0] ?? (await context.newPage());

function field(target) {
  if (typeof target === 'string') return page.locator(target).first();
  if (target.label) return page.getByLabel(target.label).first();
  if (target.role) return page.getByRole(target.role, { name: target.name }).first();
  if (target.text) return page.getByText(target.text).first();
  return page.locator(target.css).first();
}

async function tab(number) {
  while (context.pages().length <= number) await context.waitForEvent('page');
  page = context.pages()[number];
  await page.bringToFront();
}

// A security key within the browser, held by somebody whose face it knows.
async function passkeys() {
  const session = await context.newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true };
  await session.send('WebAuthn.addVirtualAuthenticator', { options });
}

// The page's own policy lets no script in but the page's, so this one comes through the debugger.
async function axe() {
  const source = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const found = [];
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(`${source};undefined`);
    const { violations } = await page.evaluate(() => window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    for (const { id, impact, nodes } of violations) found.push(`${colorScheme}: ${impact} ${id}: ${nodes[0].html}`);
  }
  await page.emulateMedia({ colorScheme: null });
  return found;
}

// Whoever wrote the steps may have sorted the keys of each.
const ADVERBS = ['as', 'with', 'option'];
let values = {};
async function perform(step) {
  const verb = Object.keys(step).find((key) => !ADVERBS.includes(key));
  switch (verb) {
    case 'goto': return page.goto(step.goto, { waitUntil: 'load' });
    case 'fill': return field(step.fill).fill(step.with);
    case 'click': return field(step.click).click();
    case 'select': return field(step.select).selectOption({ label: step.option });
    case 'upload': return field(step.upload).setInputFiles(step.with);
    case 'press': return page.keyboard.press(step.press);
    case 'wait_url': return page.waitForURL(new RegExp(step.wait_url));
    case 'wait_for': return field(step.wait_for).waitFor();
    case 'viewport': return page.setViewportSize(step.viewport);
    case 'screenshot': return page.screenshot({ path: step.screenshot, fullPage: true });
    case 'read': values[step.as] = await field(step.read).innerText(); return undefined;
    case 'json': values[step.json] = JSON.parse(await page.locator('body').innerText()); return undefined;
    case 'evaluate': values[step.as] = await page.evaluate(`(${step.evaluate})(${JSON.stringify(step.with)})`); return undefined;
    case 'tab': return tab(step.tab);
    case 'passkeys': return passkeys();
    case 'axe': values[step.axe] = await axe(); return undefined;
    case 'url': values[step.url] = page.url(); return undefined;
    default: throw new Error(`unknown step ${JSON.stringify(step)}`);
  }
}

async function report(steps) {
  let result = { ok: true };
  for (const [index, step] of steps.entries()) {
    try {
      await perform(step);
    } catch (error) {
      const text = await page.locator('body').innerText().catch(() => '');
      result = { ok: false, step: index, error: error.message.split('\n')[0], text: text.slice(0, 2000) };
      break;
    }
  }
  console.log(JSON.stringify({ ...result, values, url: page.url(), complaints }));
  [values, complaints] = [{}, []];
  return result.ok;
}

let ok = true;
for await (const line of createInterface({ input: process.stdin })) {
  ok = await report(JSON.parse(line));
  if (!ok) break;
}
await context.close();
fs.rmSync(profile, { recursive: true, force: true });
process.exit(ok ? 0 : 1);
