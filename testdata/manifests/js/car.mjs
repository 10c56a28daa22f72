// Reads a CAR file with npm @ipld/car, prints one line per root and block with
// what it is and whether its bytes have the hash of its name, decodes dag-cbor,
// and writes the same blocks again:
//
//   node car.mjs IN OUT
//
// The tests of versions/car compare the lines with what they wrote and OUT with
// IN, and read OUT back.
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CarBlockIterator, CarWriter } from '@ipld/car'
import * as dagCBOR from '@ipld/dag-cbor'
import { sha256 } from 'multiformats/hashes/sha2'

const [, , from, to] = process.argv
const blocks = await CarBlockIterator.fromIterable(createReadStream(from))
console.log('version', blocks.version)
const roots = await blocks.getRoots()
for (const root of roots) console.log('root', root.toString())

const { writer, out } = CarWriter.create(roots)
const written = pipeline(Readable.from(out), createWriteStream(to))
for await (const { cid, bytes } of blocks) {
  const { digest } = await sha256.digest(bytes)
  const good = Buffer.compare(Buffer.from(digest), Buffer.from(cid.multihash.digest)) === 0
  if (cid.code === dagCBOR.code) dagCBOR.decode(bytes)
  console.log(good ? 'block' : 'damaged', cid.toString(), bytes.length)
  await writer.put({ cid, bytes })
}
await writer.close()
await written
