// Encodes every manifest source of the folder above with the JavaScript
// implementation of dag-cbor and prints one line each: name, CID, bytes in hex.
// entity's TestNodeComputesTheSameCIDs compares them with the goldens.
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { encode, code } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'

const folder = fileURLToPath(new URL('..', import.meta.url))
const least = -(2n ** 63n)
const most = 2n ** 63n - 1n
const inInt64 = (n) => n >= least && n <= most

// wholeDecimal reads a JSON number exactly: a BigInt when it is whole.
function wholeDecimal(text) {
  const [, sign, left, right = '', exp = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)
  let digits = BigInt(left + right)
  let shift = Number(exp) - right.length
  if (digits === 0n) return 0n
  for (; shift < 0; shift++) {
    if (digits % 10n !== 0n) return undefined
    digits /= 10n
  }
  if (shift > 40) return undefined // far past int64
  digits *= 10n ** BigInt(shift)
  return sign ? -digits : digits
}

// number is the project's rule: a whole number within int64 is an integer,
// however it was written, and so is a fraction whose nearest float64 is whole;
// everything else is a float64.
function number(text) {
  const exact = wholeDecimal(text)
  if (exact !== undefined && inInt64(exact)) return exact
  const near = Number(text)
  if (Number.isInteger(near) && inInt64(BigInt(near))) return BigInt(near)
  return near
}

// JSON.parse rounds numbers before anybody can see their text, so they travel
// through it as strings with a mark that no source contains.
const mark = 'number:5f0d8c0e:'
const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g

function parse(source) {
  if (source.includes(mark)) throw new Error('the source contains the mark')
  const marked = source.replace(token, (t) => (t[0] === '"' ? t : `"${mark}${t}"`))
  return JSON.parse(marked, (_, v) => {
    if (typeof v === 'string' && v.startsWith(mark)) return number(v.slice(mark.length))
    if (v === null || typeof v !== 'object' || Array.isArray(v)) return v
    const keys = Object.keys(v)
    if (keys.length !== 1 || keys[0] !== '/') return v
    if (typeof v['/'] === 'string') return CID.parse(v['/'])
    return new Uint8Array(Buffer.from(v['/'].bytes, 'base64'))
  })
}

for (const file of readdirSync(folder).filter((f) => f.endsWith('.json')).sort()) {
  const bytes = encode(parse(readFileSync(folder + file, 'utf8')))
  const cid = CID.createV1(code, await sha256.digest(bytes))
  console.log(file.slice(0, -'.json'.length), cid.toString(), Buffer.from(bytes).toString('hex'))
}

for (const n of [NaN, Infinity, -Infinity]) {
  let refused = false
  try {
    encode({ n })
  } catch {
    refused = true
  }
  console.log('refused', n, refused)
}
