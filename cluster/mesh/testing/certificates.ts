// Authorities and certificates for tests, made by openssl when the test runs and gone when it ends.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeshTls } from '../tls.ts';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const;

export interface MeshTlsFiles {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** One certificate authority in a directory of its own. */
export class TestAuthority {
  readonly directory = mkdtempSync(join(tmpdir(), 'mesh-tls-'));
  readonly ca = join(this.directory, 'ca.pem');
  readonly #key = join(this.directory, 'ca.key');

  constructor(name = 'mesh') {
    openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=${name}`, '-keyout', this.#key, '-out', this.ca);
  }

  /** @param days for which it is valid from now on; less than 0: it has expired */
  files(name: string, days = 2): MeshTlsFiles {
    const [key, request, cert] = ['key', 'csr', 'pem'].map((end) => join(this.directory, `${name}.${end}`));
    const made = { key: key as string, cert: cert as string, ca: this.ca };
    openssl('req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', made.key, '-out', request as string);
    const signed = ['-in', request as string, '-CA', this.ca, '-CAkey', this.#key, '-CAcreateserial'];
    openssl('x509', '-req', ...signed, '-days', String(days), '-out', made.cert);
    return made;
  }

  worker(name: string, days?: number): MeshTls {
    const { key, cert, ca } = this.files(name, days);
    const text = (file: string): string => readFileSync(file, 'utf8');
    return { key: text(key), cert: text(cert), ca: text(ca) };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}
