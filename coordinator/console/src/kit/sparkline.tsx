// A small line without axes beside a figure; apart from the charts, which are large to load.
export function Sparkline({
  values,
  label,
  width = 120,
  height = 34,
}: {
  values: number[];
  label: string;
  width?: number;
  height?: number;
}) {
  const most = Math.max(1e-9, ...values);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)},${(height - 2 - (value / most) * (height - 4)).toFixed(1)}`,
  );
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
      preserveAspectRatio="none"
    >
      {points.length > 1 && <polygon points={`0,${height} ${points.join(' ')} ${width},${height}`} />}
      <polyline points={points.join(' ')} />
    </svg>
  );
}
