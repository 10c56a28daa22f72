// An OIDC provider for tests: whoever gives a name is that person. Of mallory it says
// that the address is not verified.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "stemma",
        client_secret: "a secret of the client",
        application_type: "native", // whose redirects may have any port of this machine, RFC 8252 section 7.3
        redirect_uris: ["http://127.0.0.1/v1/portal/auth/oidc/callback"],
        token_endpoint_auth_method: "client_secret_basic",
      },
    ],
    claims: { profile: ["name"], email: ["email", "email_verified"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: id[0].toUpperCase() + id.slice(1), email: `${id}@example.com`, email_verified: id !== "mallory" }) }),
    cookies: { keys: ["of a test"] },
    pkce: { required: () => true },
  });
  server.on("request", provider.callback());
  console.log(`The provider serves on ${issuer}`);
});
