// The certificate, key and authority with which workers speak TLS to each other: from the options of `serve` to their
// texts, refused here when they cannot work, naming the option and what to do.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { checkMeshTls, type MeshTls, MeshTlsUnusable } from '../../cluster/mesh/tls.ts';
import { usageError } from './exit.ts';

/** Paths: keys travel neither on command lines nor between processes. */
export interface MeshTlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface MeshTlsOptions {
  readonly mesh?: string;
  readonly meshTlsCert?: string;
  readonly meshTlsKey?: string;
  readonly meshTlsCa?: string;
}

const FLAG: Readonly<Record<keyof MeshTls, string>> = {
  cert: '--mesh-tls-cert',
  key: '--mesh-tls-key',
  ca: '--mesh-tls-ca',
};

const READ_HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file: check the path.',
  EACCES: 'This user may not read it: change its owner or mode, or run as its owner.',
  EISDIR: 'It is a directory: name the file.',
};

export function addMeshTlsOptions(command: Command): Command {
  return command
    .option(`${FLAG.cert} <file>`, "this worker's certificate (PEM): speaks TLS to workers on other hosts")
    .option(`${FLAG.key} <file>`, "the certificate's private key (PEM, without a passphrase)")
    .option(`${FLAG.ca} <file>`, 'the authority that signed the certificates of all workers (PEM)');
}

/** @returns undefined when none of the options is given. @throws UserError when they do not go together */
export function meshTlsFiles(options: MeshTlsOptions): MeshTlsFiles | undefined {
  const { mesh, meshTlsCert: cert, meshTlsKey: key, meshTlsCa: ca } = options;
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined || ca === undefined) {
    const missing = Object.entries({ cert, key, ca }).flatMap(([part, file]) => (file === undefined ? [part] : []));
    throw usageError(
      `${missing.map((part) => FLAG[part as keyof MeshTls]).join(' and ')} missing: both sides of a link show a certificate, and both verify the other's`,
      `Give ${FLAG.cert}, ${FLAG.key} and ${FLAG.ca} together; docs/cluster.md has the commands that make them.`,
    );
  }
  if (mesh === undefined || mesh.startsWith('unix:')) {
    throw usageError(
      `${FLAG.cert} is for TCP, and this worker is reached at ${mesh ?? 'a Unix socket'}: that stays on the host, its file is open to this user alone, and no TLS is spoken over it`,
      'Give --mesh tcp:HOST:PORT with an address that the other hosts reach, or leave the certificate out.',
    );
  }
  return { cert, key, ca };
}

/**
 * @param now ms since the epoch
 * @throws UserError when a file cannot be read, or what they hold does not go together
 */
export function readMeshTls(files: MeshTlsFiles, now: number): MeshTls {
  const tls = { cert: readPart('cert', files), key: readPart('key', files), ca: readPart('ca', files) };
  try {
    checkMeshTls(tls, now);
  } catch (error) {
    if (!(error instanceof MeshTlsUnusable)) throw error;
    throw usageError(`${FLAG[error.part]} ${files[error.part]} ${error.message}`, error.hint);
  }
  return tls;
}

function readPart(part: keyof MeshTls, files: MeshTlsFiles): string {
  try {
    return readFileSync(files[part], 'utf8');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw usageError(`cannot read ${FLAG[part]} ${files[part]}: ${message}`, READ_HINTS[code]);
  }
}
