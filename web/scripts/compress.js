// Writes what the built page can be sent as, beside each file: brotli and gzip, as small as they get. Done once here so
// that no server has to do it for each reader; one that does not know the files simply sends the originals.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist");
/** Fonts are compressed already. */
const WORDS = /\.(html|js|css|svg)$/;

for (const name of readdirSync(dist, { recursive: true })) {
  if (!WORDS.test(name)) continue;
  const file = join(dist, name);
  const bytes = readFileSync(file);
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(
    `${file}.br`,
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  );
}
