// What every peer needs: settings, a listening server, the body of a form.
import dns from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';

// Tenants' own hosts are this machine.
const { lookup } = dns;
dns.lookup = (name, options, callback) =>
  lookup(/^login\.[a-z]+\.example$/.test(name) ? '127.0.0.1' : name, options, callback);

/** A setting without which the program cannot run. */
export function required(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`set ${name}`);
    process.exit(2);
  }
  return value;
}

/**
 * Listens on loopback at `port` (0: a free one), with TLS when TLS_KEY and TLS_CERT are set.
 * Answers nothing until `server.on('request', ...)`.
 */
export async function listen(port) {
  const { TLS_KEY, TLS_CERT } = process.env;
  const server = TLS_KEY
    ? https.createServer({ key: fs.readFileSync(TLS_KEY), cert: fs.readFileSync(TLS_CERT) })
    : http.createServer();
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return { server, base: `${TLS_KEY ? 'https' : 'http'}://127.0.0.1:${server.address().port}` };
}

/** Tells whoever started us where we answer, and ends when they do. */
export function ready(url) {
  if (process.env.END_WITH_STDIN === '1') {
    process.stdin.resume().on('end', () => process.exit(0));
  }
  console.log(`ready ${url}`);
}

/** A server at PORT. The handler is made once the address is known: `makeHandler(base)`. */
export async function serve(makeHandler) {
  const { server, base } = await listen(Number(process.env.PORT ?? 0));
  server.on('request', await makeHandler(base));
  ready(base);
}

/** The whole body of a request. */
export async function body(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Answers with JSON that a test reads. */
export function json(res, status, value) {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(value));
}

/** Sends the browser on, with cookies where there are some. */
export function redirect(res, location, cookies = []) {
  res.writeHead(302, { location, 'set-cookie': cookies });
  res.end();
}

/** The cookies of a request by name. */
export function cookies(req) {
  const pairs = (req.headers.cookie ?? '').split(';').map((pair) => pair.trim().split(/=(.*)/s));
  return Object.fromEntries(pairs.filter(([name]) => name).map(([name, value]) => [name, value]));
}

/** What a test may add to the authorization request by adding it to `/login`. */
export const PASSED_ON = ['login_hint', 'prompt', 'max_age', 'acr_values', 'ui_locales', 'domain_hint'];
