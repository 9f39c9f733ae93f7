// People as directories know them, made up from their login name.
import { createHash } from 'node:crypto';
import { users } from '../directory.mjs';

/** Bytes that are always the same for a person and a purpose, and say nothing about either. */
export const digest = (...parts) => createHash('sha256').update(parts.join('\n')).digest();

/** The same in the shape of a UUID. */
export function uuid(...parts) {
  const hex = digest(...parts).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** What every directory can tell in one way or another. */
export function names(login) {
  const [local] = login.split('@');
  return { name: `${local} Example`, given_name: local, family_name: 'Example', email: login };
}

/** Some made-up claims with what the test wants instead; `null` takes a claim away. */
export function but(claims, login) {
  const merged = Object.entries({ ...claims, ...users[login] });
  return Object.fromEntries(merged.filter(([, value]) => value !== null));
}

/** Whether a made-up person is staff. */
export const isStaff = (login) => /^staff\b/.test(login);
