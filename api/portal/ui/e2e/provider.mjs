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
    features: { devInteractions: { enabled: false } }, // whose pages fetch from elsewhere
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  });
  const pages = provider.callback();
  server.on("request", (request, response) => {
    if (!request.url.startsWith("/interaction/")) return pages(request, response);
    interact(provider, request, response).catch((e) => response.writeHead(500).end(String(e)));
  });
  console.log(`The provider serves on ${issuer}`);
});

const page = `<!doctype html><html lang="en"><title>Example House</title><link rel="icon" href="data:,">
<form method="post"><label>Name <input name="name"></label> <button>Sign in</button> <button name="no" value="yes">Cancel</button></form>`;

// interact asks who somebody is, and takes that they agree to what is told of them.
async function interact(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  if (request.method !== "POST") return response.writeHead(200, { "Content-Type": "text/html" }).end(page);
  let body = "";
  for await (const chunk of request) body += chunk;
  const form = new URLSearchParams(body);
  if (form.has("no")) return provider.interactionFinished(request, response, { error: "access_denied", error_description: "The person said no" });
  const accountId = form.get("name");
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  await provider.interactionFinished(request, response, { login: { accountId }, consent: { grantId: await grant.save() } });
}
