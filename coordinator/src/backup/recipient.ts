// Public keys of age, as a person gives them. The library and its ciphers take 25 MB, so that they are loaded where there is a key.

/** Whether this is a public key of age. */
export async function isRecipient(text: string): Promise<boolean> {
  const { Encrypter } = await import('age-encryption');
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}
