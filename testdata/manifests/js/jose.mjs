// Verifies access tokens with npm jose, as any service that trusts this server
// would: it finds the keys by the discovery document and checks signature,
// issuer, audience, time and type. Prints a line for each token, with its
// subject and network or why it was refused:
//
//   node jose.mjs URL TOKEN…
import { createRemoteJWKSet, jwtVerify } from 'jose'

const [, , url, ...tokens] = process.argv
const discovery = await (await fetch(url + '/.well-known/openid-configuration')).json()
const keys = createRemoteJWKSet(new URL(discovery.jwks_uri))
for (const token of tokens) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: discovery.issuer, audience: discovery.issuer, typ: 'at+jwt',
      algorithms: discovery.id_token_signing_alg_values_supported,
    })
    console.log('verified', protectedHeader.alg, payload.sub, payload.network)
  } catch (e) {
    console.log('refused', e.code)
  }
}
