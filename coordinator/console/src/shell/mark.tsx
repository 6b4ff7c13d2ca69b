// The road that is the product's sign.
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 34 34" width="34" height="34" aria-hidden="true">
      <rect width="34" height="34" rx="8" fill="#0A0A0A" />
      <path d="M8 30 15 4h4l7 26Z" fill="#2a2a2a" />
      <path d="M16 27h2v3h-2zm0-8h2v5h-2zm0-7h2v4h-2zm0-5h2v3h-2z" fill="#FF1D6C" />
    </svg>
  );
}
