// The scan of codes as WebAssembly text: one function, in two forms. The form with the relaxed dot product is twice as fast where the processor
// has the instruction; both give the same numbers, as codes of 4 bits leave it nothing to round. build.ts assembles them into bytes.ts.

import { rowTail } from '../row-tail.ts';

type Dot = (query: string, codes: string, sum: string) => string;

const relaxed: Dot = (query, codes, sum) => `(i32x4.relaxed_dot_i8x16_i7x16_add_s ${query} ${codes} ${sum})`;
const baseline: Dot = (query, codes, sum) => `(i32x4.add ${sum} (i32x4.add
  (i32x4.extadd_pairwise_i16x8_s (i16x8.extmul_low_i8x16_s ${query} ${codes}))
  (i32x4.extadd_pairwise_i16x8_s (i16x8.extmul_high_i8x16_s ${query} ${codes}))))`;

const rows = [0, 1, 2, 3];
const get = (name: string) => `(local.get $${name})`;
const lanes = (...numbers: number[]) =>
  numbers.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)).join(' ');

/** Whether row `n` passes: the bit of its agent in the map, and the bit of its kind. */
const passes = (n: number) => `(i32.and
  (i32.shr_u (i32.load8_u (i32.add ${get('agents')} (i32.shr_u (i32.load offset=${rowTail.agent} ${get(`t${n}`)}) (i32.const 3))))
    (i32.and (i32.load offset=${rowTail.agent} ${get(`t${n}`)}) (i32.const 7)))
  (i32.and (i32.const 1) (i32.shr_u ${get('kinds')} (i32.load offset=${rowTail.kind} ${get(`t${n}`)}))))`;

const scan = (dot: Dot) => `
(module
  (import "scan" "memory" (memory 16 65536 shared))
  (func (export "scan")
    (param $from i32) (param $to i32) (param $query i32) (param $blocks i32)
    (param $base f32) (param $threshold f32) (param $out i32) (param $outEnd i32) (param $agents i32) (param $kinds i32)
    (result i32 i32)
    (local $stride i32) (local $block i32) (local $at i32) (local $pass i32) (local $low v128) (local $high v128) (local $c v128)
    (local $ab v128) (local $cd v128) (local $scores v128) (local $mask i32) (local $nibble v128)
    ${rows.map((n) => `(local $p${n} i32) (local $t${n} i32) (local $s${n} v128)`).join(' ')}
    (local.set $nibble (v128.const i32x4 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f))
    (local.set $stride (i32.add (i32.shl ${get('blocks')} (i32.const 4)) (i32.const ${rowTail.bytes})))
    (local.set $pass (i32.const 15))
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
        (if ${get('agents')} (then
          (local.set $pass (i32.or
            (i32.or ${passes(0)} (i32.shl ${passes(1)} (i32.const 1)))
            (i32.or (i32.shl ${passes(2)} (i32.const 2)) (i32.shl ${passes(3)} (i32.const 3)))))
          (br_if $four (i32.eqz ${get('pass')}))))
        ${rows.map((n) => `(local.set $s${n} (v128.const i32x4 0 0 0 0))`).join(' ')}
        (local.set $block ${get('blocks')})
        (local.set $at ${get('query')})
        (loop $dots
          (local.set $low (v128.load ${get('at')}))
          (local.set $high (v128.load offset=16 ${get('at')}))
          ${rows
            .map(
              (n) => `(local.set $c (v128.load ${get(`p${n}`)}))
          (local.set $s${n} ${dot(get('low'), `(v128.and ${get('c')} ${get('nibble')})`, get(`s${n}`))})
          (local.set $s${n} ${dot(get('high'), `(v128.and (i16x8.shr_u ${get('c')} (i32.const 4)) ${get('nibble')})`, get(`s${n}`))})
          (local.set $p${n} (i32.add ${get(`p${n}`)} (i32.const 16)))`,
            )
            .join('\n          ')}
          (local.set $at (i32.add ${get('at')} (i32.const 32)))
          (br_if $dots (local.tee $block (i32.sub ${get('block')} (i32.const 1)))))
        (local.set $ab (i32x4.add (i8x16.shuffle ${lanes(0, 4, 1, 5)} ${get('s0')} ${get('s1')}) (i8x16.shuffle ${lanes(2, 6, 3, 7)} ${get('s0')} ${get('s1')})))
        (local.set $cd (i32x4.add (i8x16.shuffle ${lanes(0, 4, 1, 5)} ${get('s2')} ${get('s3')}) (i8x16.shuffle ${lanes(2, 6, 3, 7)} ${get('s2')} ${get('s3')})))
        (local.set $scores (f32x4.mul
          (f32x4.sub
            (f32x4.convert_i32x4_s (i32x4.add (i8x16.shuffle ${lanes(0, 1, 4, 5)} ${get('ab')} ${get('cd')}) (i8x16.shuffle ${lanes(2, 3, 6, 7)} ${get('ab')} ${get('cd')})))
            (f32x4.splat ${get('base')}))
          (v128.load32_lane 3 ${get('t3')} (v128.load32_lane 2 ${get('t2')} (v128.load32_lane 1 ${get('t1')} (v128.load32_zero ${get('t0')}))))))
        (local.set $mask (i32.and ${get('pass')} (i32x4.bitmask (f32x4.gt ${get('scores')} (f32x4.splat ${get('threshold')})))))
        (br_if $four (i32.eqz ${get('mask')}))
        ${rows
          .map(
            (n) => `(if (i32.and ${get('mask')} (i32.const ${1 << n})) (then
          (f32.store ${get('out')} (f32x4.extract_lane ${n} ${get('scores')}))
          (i32.store offset=4 ${get('out')} (i32.load offset=${rowTail.id} ${get(`t${n}`)}))
          (local.set $out (i32.add ${get('out')} (i32.const 8)))))`,
          )
          .join('\n        ')}
        (br $four)))
    ${get('from')} ${get('out')}))
`;

export const texts = { relaxed: scan(relaxed), baseline: scan(baseline) };
