// Saves what an address leads to, or a text, into the downloads of the browser.
export function saveAs(address: string, name: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
}

export function saveText(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }));
  saveAs(url, name);
  URL.revokeObjectURL(url);
}
