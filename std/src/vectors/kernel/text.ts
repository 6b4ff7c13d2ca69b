// The scans of codes as WebAssembly text, in two forms. The form with the relaxed dot product is twice as fast where the processor has the
// instruction; both give the same numbers, as codes of 4 bits leave it nothing to round. build.ts assembles them into bytes.ts.
// `rows` reads whole codes, a row behind the other. `planes` reads the upper two bits of all codes, and then the lower two of those that may be good
// enough: half of the memory, which is what a scan of millions waits for. [M] Both in one loop took longer than all bits of all rows: a processor
// guesses wrong at one group in twenty, and waits for its lower bits.

import { planeTail, rowTail } from '../row-tail.ts';

type Dot = (query: string, codes: string, sum: string) => string;

const relaxed: Dot = (query, codes, sum) => `(i32x4.relaxed_dot_i8x16_i7x16_add_s ${query} ${codes} ${sum})`;
const baseline: Dot = (query, codes, sum) => `(i32x4.add ${sum} (i32x4.add
  (i32x4.extadd_pairwise_i16x8_s (i16x8.extmul_low_i8x16_s ${query} ${codes}))
  (i32x4.extadd_pairwise_i16x8_s (i16x8.extmul_high_i8x16_s ${query} ${codes}))))`;

const rows = [0, 1, 2, 3];
const get = (name: string) => `(local.get $${name})`;
const lanes = (...numbers: number[]) =>
  numbers.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)).join(' ');

/** Whether row `n` passes: the bit of its agent in the map, and the bit of its kind. `tail` points to both. */
const passes = (agent: string, kind: string) => `(i32.and
  (i32.shr_u (i32.load8_u (i32.add ${get('agents')} (i32.shr_u ${agent} (i32.const 3)))) (i32.and ${agent} (i32.const 7)))
  (i32.and (i32.const 1) (i32.shr_u ${get('kinds')} ${kind})))`;
/** Sets $pass to the bits of the four rows that pass; goes on with the next four where none does. */
const filtered = (agentOf: (n: number) => string, kindOf: (n: number) => string) => `
        (if ${get('agents')} (then
          (local.set $pass (i32.or
            (i32.or ${passes(agentOf(0), kindOf(0))} (i32.shl ${passes(agentOf(1), kindOf(1))} (i32.const 1)))
            (i32.or (i32.shl ${passes(agentOf(2), kindOf(2))} (i32.const 2)) (i32.shl ${passes(agentOf(3), kindOf(3))} (i32.const 3)))))
          (br_if $four (i32.eqz ${get('pass')}))))`;

/**
 * Adds the products of the query with the codes that begin at $p0 to $p3 to $s0 to $s3. A byte holds `fields` codes of so many bits, of coordinates
 * that are 16 apart.
 */
const products = (dot: Dot, fields: 2 | 4, name: string) => {
  const bits = 8 / fields;
  const each = Array.from({ length: fields }, (_, field) => field);
  const mask = get(fields === 2 ? 'nibble' : 'pair');
  const code = (field: number) =>
    `(v128.and ${field === 0 ? get('c') : `(i16x8.shr_u ${get('c')} (i32.const ${bits * field}))`} ${mask})`;
  return `
        (local.set $block ${get('blocks')})
        (local.set $at ${get('query')})
        (loop $${name}
          ${each.map((field) => `(local.set $q${field} (v128.load offset=${16 * field} ${get('at')}))`).join(' ')}
          ${rows
            .map(
              (n) => `(local.set $c (v128.load ${get(`p${n}`)}))
          ${each.map((field) => `(local.set $s${n} ${dot(get(`q${field}`), code(field), get(`s${n}`))})`).join('\n          ')}
          (local.set $p${n} (i32.add ${get(`p${n}`)} (i32.const 16)))`,
            )
            .join('\n          ')}
          (local.set $at (i32.add ${get('at')} (i32.const ${16 * fields})))
          (br_if $${name} (local.tee $block (i32.sub ${get('block')} (i32.const 1)))))`;
};
/** Sets $mask to those of the four rows that are in `among` and whose $scores, (sum - base) * factor, are above the threshold. */
const above = (base: string, threshold: string, factors: string, among: string) => `
        (local.set $ab (i32x4.add (i8x16.shuffle ${lanes(0, 4, 1, 5)} ${get('s0')} ${get('s1')}) (i8x16.shuffle ${lanes(2, 6, 3, 7)} ${get('s0')} ${get('s1')})))
        (local.set $cd (i32x4.add (i8x16.shuffle ${lanes(0, 4, 1, 5)} ${get('s2')} ${get('s3')}) (i8x16.shuffle ${lanes(2, 6, 3, 7)} ${get('s2')} ${get('s3')})))
        (local.set $scores (f32x4.mul
          (f32x4.sub
            (f32x4.convert_i32x4_s (i32x4.add (i8x16.shuffle ${lanes(0, 1, 4, 5)} ${get('ab')} ${get('cd')}) (i8x16.shuffle ${lanes(2, 3, 6, 7)} ${get('ab')} ${get('cd')})))
            (f32x4.splat ${get(base)}))
          ${factors}))
        (local.set $mask (i32.and ${get(among)} (i32x4.bitmask (f32x4.gt ${get('scores')} (f32x4.splat ${get(threshold)})))))`;
const written = (idOf: (n: number) => string) =>
  rows
    .map(
      (n) => `(if (i32.and ${get('mask')} (i32.const ${1 << n})) (then
          (f32.store ${get('out')} (f32x4.extract_lane ${n} ${get('scores')}))
          (i32.store offset=4 ${get('out')} ${idOf(n)})
          (local.set $out (i32.add ${get('out')} (i32.const 8)))))`,
    )
    .join('\n        ');

const locals = `(local $block i32) (local $at i32) (local $pass i32) (local $c v128) (local $ab v128) (local $cd v128) (local $scores v128)
    (local $mask i32) (local $nibble v128) (local $pair v128) (local $q0 v128) (local $q1 v128) (local $q2 v128) (local $q3 v128)
    ${rows.map((n) => `(local $p${n} i32) (local $s${n} v128)`).join(' ')}`;
const zero = rows.map((n) => `(local.set $s${n} (v128.const i32x4 0 0 0 0))`).join(' ');
const masks = `(local.set $nibble (v128.const i32x4 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f))
    (local.set $pair (v128.const i32x4 0x03030303 0x03030303 0x03030303 0x03030303))
    (local.set $pass (i32.const 15))`;
const ofTail = (offset: number) => (n: number) => `(i32.load offset=${offset} ${get(`t${n}`)})`;
const ofPlane = (offset: number) => (n: number) => `(i32.load offset=${planeTail.bytes * n + offset} ${get('t')})`;

const ofFour = (n: string) => `(v128.load (i32.add ${get('factors')} (i32.shl ${n} (i32.const 4))))`;
/** Sets $p0 to $p3 to the planes of the four rows $n. */
const planesAt = (name: string) =>
  rows
    .map(
      (n) =>
        `(local.set $p${n} ${n === 0 ? `(i32.add ${get(name)} (i32.mul ${get('n')} ${get('four')}))` : `(i32.add ${get(`p${n - 1}`)} (i32.shl ${get('blocks')} (i32.const 4)))`})`,
    )
    .join(' ');

const scans = (dot: Dot) => `
(module
  (import "scan" "memory" (memory 16 65536 shared))
  (func (export "rows")
    (param $from i32) (param $to i32) (param $query i32) (param $blocks i32) (param $base f32) (param $threshold f32)
    (param $out i32) (param $outEnd i32) (param $agents i32) (param $kinds i32) (result i32 i32)
    (local $stride i32) ${locals} ${rows.map((n) => `(local $t${n} i32)`).join(' ')}
    ${masks}
    (local.set $stride (i32.add (i32.shl ${get('blocks')} (i32.const 4)) (i32.const ${rowTail.bytes})))
    (block $end
      (loop $four
        (br_if $end (i32.ge_u ${get('from')} ${get('to')}))
        (br_if $end (i32.gt_u (i32.add ${get('out')} (i32.const 32)) ${get('outEnd')}))
        ${rows
          .map(
            (n) => `(local.set $p${n} ${n === 0 ? get('from') : `(i32.add ${get(`p${n - 1}`)} ${get('stride')})`})
        (local.set $t${n} (i32.add ${get(`p${n}`)} (i32.shl ${get('blocks')} (i32.const 4))))`,
          )
          .join('\n        ')}
        (local.set $from (i32.add ${get('p3')} ${get('stride')}))
        ${filtered(ofTail(rowTail.agent), ofTail(rowTail.kind))}
        ${zero}
        ${products(dot, 2, 'whole')}
        ${above('base', 'threshold', `(v128.load32_lane 3 ${get('t3')} (v128.load32_lane 2 ${get('t2')} (v128.load32_lane 1 ${get('t1')} (v128.load32_zero ${get('t0')}))))`, 'pass')}
        (br_if $four (i32.eqz ${get('mask')}))
        ${written(ofTail(rowTail.id))}
        (br $four)))
    ${get('from')} ${get('out')})
  (func (export "planes")
    (param $upper i32) (param $lower i32) (param $factors i32) (param $tails i32) (param $rows i32) (param $query i32) (param $blocks i32)
    (param $base f32) (param $threshold f32) (param $firstBase f32) (param $firstThreshold f32)
    (param $list i32) (param $out i32) (param $agents i32) (param $kinds i32) (result i32)
    (local $four i32) (local $n i32) (local $last i32) (local $next i32) (local $t i32) ${locals}
    ${masks}
    (local.set $four (i32.shl ${get('blocks')} (i32.const 6)))
    (local.set $last ${get('list')})
    (block $end
      (loop $four
        (br_if $end (i32.ge_u (i32.shl ${get('n')} (i32.const 2)) ${get('rows')}))
        ${planesAt('upper')}
        (local.set $t (i32.add ${get('tails')} (i32.mul ${get('n')} (i32.const ${4 * planeTail.bytes}))))
        (local.set $n (i32.add ${get('n')} (i32.const 1)))
        ${filtered(ofPlane(planeTail.agent), ofPlane(planeTail.kind))}
        ${zero}
        ${products(dot, 4, 'first')}
        ${above('firstBase', 'firstThreshold', ofFour(`(i32.sub ${get('n')} (i32.const 1))`), 'pass')}
        (i32.store ${get('last')} (i32.or (i32.shl (i32.sub ${get('n')} (i32.const 1)) (i32.const 4)) ${get('mask')}))
        (local.set $last (i32.add ${get('last')} (i32.shl (i32.ne ${get('mask')} (i32.const 0)) (i32.const 2))))
        (br $four)))
    (block $done
      (loop $kept
        (br_if $done (i32.ge_u ${get('list')} ${get('last')}))
        (local.set $next (i32.load ${get('list')}))
        (local.set $list (i32.add ${get('list')} (i32.const 4)))
        (local.set $n (i32.shr_u ${get('next')} (i32.const 4)))
        (local.set $pass (i32.and ${get('next')} (i32.const 15)))
        (local.set $t (i32.add ${get('tails')} (i32.mul ${get('n')} (i32.const ${4 * planeTail.bytes}))))
        ${zero}
        ${planesAt('upper')}
        ${products(dot, 4, 'again')}
        ${rows.map((n) => `(local.set $s${n} (i32x4.shl ${get(`s${n}`)} (i32.const 2)))`).join(' ')}
        ${planesAt('lower')}
        ${products(dot, 4, 'second')}
        ${above('base', 'threshold', ofFour(get('n')), 'pass')}
        (br_if $kept (i32.eqz ${get('mask')}))
        ${written(ofPlane(planeTail.id))}
        (br $kept)))
    ${get('out')}))
`;

export const texts = { relaxed: scans(relaxed), baseline: scans(baseline) };
