// What the Content-Security-Policy lets style elements of this page have.
export const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
