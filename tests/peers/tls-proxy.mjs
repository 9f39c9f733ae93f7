// HTTPS at PORT, plain HTTP to UPSTREAM behind it: what a load balancer does for the gateway.
import http from 'node:http';
import { required, serve } from './common.mjs';

const upstream = new URL(required('UPSTREAM'));
required('TLS_KEY');

await serve(() => (req, res) => {
  const headers = { ...req.headers, 'x-forwarded-proto': 'https', 'x-forwarded-for': req.socket.remoteAddress };
  const forwarded = http.request({ host: upstream.hostname, port: upstream.port, method: req.method, path: req.url, headers }, (answer) => {
    res.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(res);
  });
  forwarded.on('error', (error) => {
    console.error(req.method, req.url, error.message);
    res.writeHead(502).end();
  });
  req.pipe(forwarded);
});
