// Pictures for a model: made small enough for a message, as JPEG. A model at home looks at a few hundred pixels a side.
const sides = [1024, 768, 512, 384, 256, 160];
const qualities = [0.82, 0.6, 0.4];

/** The picture in base64 without a prefix, of at most `mostChars` characters. Rejects with words where the browser cannot read it. */
export async function encodePicture(file: Blob, mostChars: number): Promise<string> {
  const picture = await createImageBitmap(file).catch(() => {
    throw new Error('the browser cannot read this picture');
  });
  try {
    for (const side of sides) {
      const canvas = drawn(picture, side);
      for (const quality of qualities) {
        const text = base64Of(canvas, quality);
        if (text.length <= mostChars) return text;
      }
    }
  } finally {
    picture.close();
  }
  throw new Error('this picture cannot be made small enough');
}

function drawn(picture: ImageBitmap, side: number): HTMLCanvasElement {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext('2d');
  if (!context) throw new Error('the browser cannot draw');
  // JPEG has no transparency: without this it would be black.
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}
const base64Of = (canvas: HTMLCanvasElement, quality: number): string =>
  canvas.toDataURL('image/jpeg', quality).split(',')[1] ?? '';

/** The address of a picture in base64; what begins it tells its kind. */
export function pictureAddress(base64: string): string {
  const kind = base64.startsWith('iVBOR') ? 'png' : base64.startsWith('UklGR') ? 'webp' : 'jpeg';
  return `data:image/${kind};base64,${base64}`;
}
