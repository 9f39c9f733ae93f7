// Passkeys: forms marked `data-passkey` ask the browser for one. [WebAuthn-3]
//
// <form data-passkey="create|get" data-ask="PATH" data-answer="PATH"> with a button that starts
// `hidden` and a <p class="said" role="status">. Its other fields go along with the answer. Nothing
// else of a page depends on this file.
"use strict";

const decode = (text) => {
  const padded = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(padded), (one) => one.charCodeAt(0));
};
const encode = (buffer) => {
  const text = Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("");
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

// What the gateway sends has text where the browser wants octets.
const readOptions = ({ publicKey }) => {
  const options = { ...publicKey, challenge: decode(publicKey.challenge) };
  if (options.user) options.user = { ...options.user, id: decode(options.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (options[list]) options[list] = options[list].map((one) => ({ ...one, id: decode(one.id) }));
  }
  return { publicKey: options };
};

const writeCredential = (credential) => {
  const response = { clientDataJSON: encode(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    const value = credential.response[name];
    if (value) response[name] = encode(value);
  }
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    extensions: {},
    response,
  };
};

const post = async (path, body) => {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.redirected) throw new Error("You are signed out. Sign in, and try again.");
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail || said.title || "The gateway did not answer.");
  return said;
};

const begin = async (form) => {
  const fields = Object.fromEntries(new FormData(form));
  const asked = await post(form.dataset.ask, fields.token ? { token: fields.token } : {});
  const options = readOptions(asked.options);
  const made = form.dataset.passkey === "create"
    ? await navigator.credentials.create(options)
    : await navigator.credentials.get(options);
  const answer = { ...fields, state: asked.state, credential: writeCredential(made) };
  const { next } = await post(form.dataset.answer, answer);
  location.assign(next);
};

const explain = (error) => {
  if (error.name === "NotAllowedError") return "Nothing was chosen, or it took too long. Try again.";
  if (error.name === "InvalidStateError") return "This device has a passkey for this account already.";
  if (error.name === "SecurityError") return "Passkeys need https, or localhost.";
  return error.message;
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  const button = form.querySelector("button");
  const said = form.querySelector(".said");
  button.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    said.textContent = "Follow what the browser asks.";
    begin(form).catch((error) => {
      said.textContent = explain(error);
      button.disabled = false;
    });
  });
}
