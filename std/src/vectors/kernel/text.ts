// The scans of codes as WebAssembly text, in two forms. The form with the relaxed dot product is twice as fast where the processor has the
// instruction; both give the same numbers, as codes of 4 bits leave it nothing to round. build.ts assembles them into bytes.ts.
// `rows` reads whole codes, a row behind the other. `signs` looks at the upper bit of all codes, a quarter of the memory: tables say what four signs add,
// so that one instruction looks up sixteen rows [the fast scan of product quantisation, André et al. 2015]. `rest` reads the other bits of the few rows
// that may be good enough. [M] It touches these first, all of a segment, so that the processor waits for them together: 45 ns a row in place of 90.

import { planeTail, rowTail, signGroup } from '../row-tail.ts';

type Dot = (query: string, codes: string, sum: string) => string;
/** Of each byte of `at`, which is below 16, the byte of the table. */
type Looked = (table: string, at: string) => string;

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

/** Field `field` of the bytes in $c, each of which holds `fields` codes, of coordinates that are 16 apart. */
const codeIn = (field: number, fields: 2 | 4 | 8, mask: string) =>
  `(v128.and ${field === 0 ? get('c') : `(i16x8.shr_u ${get('c')} (i32.const ${(8 / fields) * field}))`} ${get(mask)})`;

/** Adds the products of the query with the whole codes that begin at $p0 to $p3 to $s0 to $s3. */
const products = (dot: Dot) => {
  const each = [0, 1];
  return `
        (local.set $block ${get('blocks')})
        (local.set $at ${get('query')})
        (loop $whole
          ${each.map((field) => `(local.set $q${field} (v128.load offset=${16 * field} ${get('at')}))`).join(' ')}
          ${rows
            .map(
              (n) => `(local.set $c (v128.load ${get(`p${n}`)}))
          ${each.map((field) => `(local.set $s${n} ${dot(get(`q${field}`), codeIn(field, 2, 'nibble'), get(`s${n}`))})`).join('\n          ')}
          (local.set $p${n} (i32.add ${get(`p${n}`)} (i32.const 16)))`,
            )
            .join('\n          ')}
          (local.set $at (i32.add ${get('at')} (i32.const 32)))
          (br_if $whole (local.tee $block (i32.sub ${get('block')} (i32.const 1)))))`;
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
    (local $mask i32) (local $nibble v128) (local $q0 v128) (local $q1 v128)
    ${rows.map((n) => `(local $p${n} i32) (local $s${n} v128)`).join(' ')}`;
const zero = rows.map((n) => `(local.set $s${n} (v128.const i32x4 0 0 0 0))`).join(' ');
const masks = `(local.set $nibble (v128.const i32x4 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f))
    (local.set $pass (i32.const 15))`;
const ofTail = (offset: number) => (n: number) => `(i32.load offset=${offset} ${get(`t${n}`)})`;
/** The numbers in table $t`n` and the one behind it for the halves of the bytes in $c: each holds four signs. */
const both = (looked: Looked, n: number) =>
  `(i8x16.add ${looked(get(`t${n}`), `(v128.and ${get('c')} ${get('low')})`)} ${looked(get(`t${n + 1}`), `(v128.and (i16x8.shr_u ${get('c')} (i32.const 4)) ${get('low')})`)})`;
/** Sets the numbers of $s0 to parts of the product of the query with the codes of one row in a plane, of which a byte holds `fields`. */
const ofOne = (dot: Dot, plane: string, blocks: string, fields: 4 | 8, mask: string) => {
  const each = Array.from({ length: fields }, (_, field) => field);
  return `${zero}
        (local.set $block ${get(blocks)})
        (local.set $at ${get('query')})
        (local.set $p (i32.add ${get(plane)} (i32.mul ${get('row')} (i32.shl ${get(blocks)} (i32.const 4)))))
        (loop $${plane}
          (local.set $c (v128.load ${get('p')}))
          ${each.map((field) => `(local.set $s${field % 4} ${dot(`(v128.load offset=${16 * field} ${get('at')})`, codeIn(field, fields, mask), get(`s${field % 4}`))})`).join('\n          ')}
          (local.set $p (i32.add ${get('p')} (i32.const 16)))
          (local.set $at (i32.add ${get('at')} (i32.const ${16 * fields})))
          (br_if $${plane} (local.tee $block (i32.sub ${get('block')} (i32.const 1)))))
        (local.set $s0 (i32x4.add (i32x4.add ${get('s0')} ${get('s1')}) (i32x4.add ${get('s2')} ${get('s3')})))`;
};
const sumOf = (four: string) =>
  `(i32.add (i32.add ${[0, 1].map((n) => `(i32x4.extract_lane ${n} ${get(four)})`).join(' ')}) (i32.add ${[2, 3].map((n) => `(i32x4.extract_lane ${n} ${get(four)})`).join(' ')}))`;

const scans = (dot: Dot, looked: Looked) => `
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
        ${products(dot)}
        ${above('base', 'threshold', `(v128.load32_lane 3 ${get('t3')} (v128.load32_lane 2 ${get('t2')} (v128.load32_lane 1 ${get('t1')} (v128.load32_zero ${get('t0')}))))`, 'pass')}
        (br_if $four (i32.eqz ${get('mask')}))
        ${written(ofTail(rowTail.id))}
        (br $four)))
    ${get('from')} ${get('out')})
  (func (export "signs")
    (param $signs i32) (param $factors i32) (param $tails i32) (param $rows i32) (param $tables i32) (param $bytes i32) (param $scale f32)
    (param $base f32) (param $threshold f32) (param $room i32) (param $list i32) (param $agents i32) (param $kinds i32) (result i32)
    (local $n i32) (local $left i32) (local $at i32) (local $p i32) (local $t i32) (local $pass i32) (local $mask i32) (local $row i32)
    (local $c v128) (local $x v128) (local $values v128) (local $low v128) (local $byte v128)
    ${[0, 1, 2, 3].map((n) => `(local $t${n} v128) (local $a${n} v128)`).join(' ')}
    (local.set $low (v128.const i32x4 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f))
    (local.set $byte (v128.const i32x4 0x00ff00ff 0x00ff00ff 0x00ff00ff 0x00ff00ff))
    (local.set $pass (i32.const -1))
    (block $end
      (loop $many
        (br_if $end (i32.ge_u ${get('n')} ${get('rows')}))
        (local.set $row ${get('n')})
        (local.set $p (i32.add ${get('signs')} (i32.mul ${get('n')} ${get('bytes')})))
        (local.set $n (i32.add ${get('n')} (i32.const ${signGroup})))
        (if ${get('agents')} (then
          (local.set $t (i32.add ${get('tails')} (i32.mul ${get('row')} (i32.const ${planeTail.bytes}))))
          (local.set $pass (i32.const 0))
          (local.set $left (i32.const 0))
          (loop $each
            (local.set $at (i32.load offset=${planeTail.agent} ${get('t')}))
            (local.set $pass (i32.or ${get('pass')} (i32.shl ${passes(get('at'), `(i32.load offset=${planeTail.kind} ${get('t')})`)} ${get('left')})))
            (local.set $t (i32.add ${get('t')} (i32.const ${planeTail.bytes})))
            (br_if $each (i32.lt_u (local.tee $left (i32.add ${get('left')} (i32.const 1))) (i32.const ${signGroup}))))
          (br_if $many (i32.eqz ${get('pass')}))))
        ${[0, 1, 2, 3].map((n) => `(local.set $a${n} (v128.const i32x4 0 0 0 0))`).join(' ')}
        (local.set $at ${get('tables')})
        (local.set $left ${get('bytes')})
        (loop $two
          ${[0, 1, 2, 3].map((n) => `(local.set $t${n} (v128.load offset=${16 * n} ${get('at')}))`).join(' ')}
          ${[0, 1]
            .map(
              (half) => `(local.set $c (v128.load offset=${16 * half} ${get('p')}))
          (local.set $x ${both(looked, 0)})
          (local.set $c (v128.load offset=${signGroup + 16 * half} ${get('p')}))
          (local.set $x (i8x16.add ${get('x')} ${both(looked, 2)}))
          (local.set $a${2 * half} (i16x8.add ${get(`a${2 * half}`)} (v128.and ${get('x')} ${get('byte')})))
          (local.set $a${2 * half + 1} (i16x8.add ${get(`a${2 * half + 1}`)} (i16x8.shr_u ${get('x')} (i32.const 8))))`,
            )
            .join('\n          ')}
          (local.set $at (i32.add ${get('at')} (i32.const 64)))
          (local.set $p (i32.add ${get('p')} (i32.const ${2 * signGroup})))
          (br_if $two (local.tee $left (i32.sub ${get('left')} (i32.const 2)))))
        (local.set $mask (i32.const 0))
        (local.set $t (i32.add ${get('factors')} (i32.shl ${get('row')} (i32.const 2))))
        ${[0, 1, 2, 3]
          .flatMap((n) =>
            (['low', 'high'] as const).map((half, at) => {
              const four = 2 * n + at;
              return `(local.set $values (f32x4.sub (f32x4.mul (f32x4.convert_i32x4_u (i32x4.extend_${half}_i16x8_u ${get(`a${n}`)})) (f32x4.splat ${get('scale')})) (f32x4.splat ${get('base')})))
        (v128.store offset=${16 * four} ${get('room')} ${get('values')})
        (local.set $mask (i32.or ${get('mask')} (i32.shl (i32x4.bitmask (f32x4.gt (f32x4.mul ${get('values')} (v128.load offset=${16 * four} ${get('t')})) (f32x4.splat ${get('threshold')}))) (i32.const ${4 * four}))))`;
            }),
          )
          .join('\n        ')}
        (local.set $mask (i32.and ${get('mask')} ${get('pass')}))
        (block $none
          (loop $next
            (br_if $none (i32.eqz ${get('mask')}))
            (local.set $left (i32.ctz ${get('mask')}))
            (local.set $mask (i32.and ${get('mask')} (i32.sub ${get('mask')} (i32.const 1))))
            (i32.store ${get('list')} (i32.add ${get('row')} ${get('left')}))
            (f32.store offset=4 ${get('list')} (f32.load (i32.add ${get('room')} (i32.shl ${get('left')} (i32.const 2)))))
            (local.set $list (i32.add ${get('list')} (i32.const 8)))
            (br $next)))
        (br $many)))
    ${get('list')})
  (func (export "rest")
    (param $list i32) (param $last i32) (param $middles i32) (param $lows i32) (param $factors i32) (param $tails i32) (param $query i32)
    (param $middleBlocks i32) (param $lowBlocks i32) (param $middleBase f32) (param $middleThreshold f32) (param $base f32) (param $threshold f32)
    (param $out i32) (result i32)
    (local $row i32) (local $p i32) (local $at i32) (local $block i32) (local $score f32) (local $factor f32)
    (local $c v128) ${rows.map((n) => `(local $s${n} v128)`).join(' ')} (local $pair v128) (local $bit v128)
    (local.set $pair (v128.const i32x4 0x03030303 0x03030303 0x03030303 0x03030303))
    (local.set $bit (v128.const i32x4 0x01010101 0x01010101 0x01010101 0x01010101))
    (local.set $at ${get('list')})
    (block $touched
      (loop $touch
        (br_if $touched (i32.ge_u ${get('at')} ${get('last')}))
        (local.set $p (i32.add ${get('middles')} (i32.mul (i32.load ${get('at')}) (i32.shl ${get('middleBlocks')} (i32.const 4)))))
        (local.set $block (i32.xor ${get('block')} (i32.xor (i32.load ${get('p')}) (i32.load (i32.add ${get('p')} (i32.sub (i32.shl ${get('middleBlocks')} (i32.const 4)) (i32.const 4)))))))
        (local.set $at (i32.add ${get('at')} (i32.const 8)))
        (br $touch)))
    (i32.store ${get('last')} ${get('block')})
    (block $done
      (loop $kept
        (br_if $done (i32.ge_u ${get('list')} ${get('last')}))
        (local.set $row (i32.load ${get('list')}))
        (local.set $score (f32.load offset=4 ${get('list')}))
        (local.set $list (i32.add ${get('list')} (i32.const 8)))
        (local.set $factor (f32.load (i32.add ${get('factors')} (i32.shl ${get('row')} (i32.const 2)))))
        ${ofOne(dot, 'middles', 'middleBlocks', 4, 'pair')}
        (local.set $score (f32.add ${get('score')} (f32.convert_i32_s (i32.shl ${sumOf('s0')} (i32.const 1)))))
        (br_if $kept (i32.eqz (f32.gt (f32.mul (f32.sub ${get('score')} ${get('middleBase')}) ${get('factor')}) ${get('middleThreshold')})))
        ${ofOne(dot, 'lows', 'lowBlocks', 8, 'bit')}
        (local.set $score (f32.mul (f32.sub (f32.add ${get('score')} (f32.convert_i32_s ${sumOf('s0')})) ${get('base')}) ${get('factor')}))
        (br_if $kept (i32.eqz (f32.gt ${get('score')} ${get('threshold')})))
        (f32.store ${get('out')} ${get('score')})
        (i32.store offset=4 ${get('out')} (i32.load offset=${planeTail.id} (i32.add ${get('tails')} (i32.mul ${get('row')} (i32.const ${planeTail.bytes})))))
        (local.set $out (i32.add ${get('out')} (i32.const 8)))
        (br $kept)))
    ${get('out')}))
`;

export const texts = {
  relaxed: scans(relaxed, (table, at) => `(i8x16.relaxed_swizzle ${table} ${at})`),
  baseline: scans(baseline, (table, at) => `(i8x16.swizzle ${table} ${at})`),
};
