// Holds data items against two implementations of others. Items, as the server
// uploads them, are the files DIR/*.item. Prints a line of JSON for each: what
// @dha-team/arbundles reads in it, whether it finds it valid, and whether npm
// arweave finds that the owner signed this content. Then it signs, with
// arbundles and the wallet, the items DIR/theirs-*, with and without tags,
// target and anchor, and prints their ids.
//
//   node items.mjs DIR WALLET
import { createRequire } from 'node:module'
import fs from 'node:fs'
import path from 'node:path'

const require = createRequire(import.meta.url)
const Arweave = require('arweave')
const { default: deepHash } = require('arweave/node/lib/deepHash')
const { ArweaveSigner, DataItem, createData } = require('@dha-team/arbundles/web')

const [, , dir, walletFile] = process.argv
const wallet = JSON.parse(fs.readFileSync(walletFile))
const arweave = Arweave.init({})
const utf8 = (s) => new TextEncoder().encode(s)

for (const name of fs.readdirSync(dir).filter((f) => f.endsWith('.item')).sort()) {
  const bytes = fs.readFileSync(path.join(dir, name))
  const item = new DataItem(bytes)
  const line = { name, id: item.id, arbundles: await DataItem.verify(bytes).catch((e) => String(e)) }
  const signed = await deepHash([utf8('dataitem'), utf8('1'), utf8(String(item.signatureType)), item.rawOwner, item.rawTarget, item.rawAnchor, item.rawTags, item.rawData])
  line.arweave = await Arweave.crypto.verify(item.owner, signed, item.rawSignature)
  line.address = await arweave.wallets.ownerToAddress(item.owner)
  line.tags = item.tags
  line.data = item.rawData.toString()
  console.log(JSON.stringify(line))
}
const tags = [{ name: 'Content-Type', value: 'text/plain' }, { name: 'Größe', value: 'ß'.repeat(100) }]
const some = Buffer.alloc(32, 7)
for (const [name, options] of Object.entries({ bare: {}, tags: { tags }, all: { tags, target: some.toString('base64url'), anchor: some.toString() } })) {
  const item = createData('of ' + name, new ArweaveSigner(wallet), options)
  await item.sign(new ArweaveSigner(wallet))
  fs.writeFileSync(path.join(dir, 'theirs-' + name), item.getRaw())
  console.log(JSON.stringify({ name: 'theirs-' + name, id: item.id, address: await arweave.wallets.jwkToAddress(wallet) }))
}
