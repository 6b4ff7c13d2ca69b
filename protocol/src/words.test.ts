// A search finds a text by each of its words, in whatever form the question has them.
import fc from 'fast-check';
import t from 'tap';
import { maxQuestionWords, questionWords, wordsOf } from './words.ts';

const forms: ((text: string) => string)[] = [
  (text) => text,
  (text) => text.normalize('NFC'),
  (text) => text.normalize('NFD'),
  (text) => text.normalize('NFKC'),
  (text) => text.normalize('NFKD'),
  (text) => text.toUpperCase(),
  (text) => text.toLowerCase(),
  (text) => text.toUpperCase().normalize('NFD'),
];

/** Where a name has its parts is seen by its capital letters, which another form of it may not have: it is found as a whole. */
const isPartOf = (word: string, held: ReadonlySet<string>) =>
  /^[a-z0-9]+$/.test(word) && [...held].some((each) => each.includes(word));

t.test('every letter, digit and mark of Unicode, composed or not, in either case', async (t) => {
  const all: string[] = [];
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point < 0xe000) continue;
    const character = String.fromCodePoint(point);
    if (/[\p{L}\p{N}\p{M}]/u.test(character)) all.push(character);
  }
  t.ok(all.length > 140_000);
  const lost: string[] = [];
  for (let at = 0; at < all.length; at += 500) {
    const text = all
      .slice(at, at + 500)
      .map((character) => `${character}, a${character}b.`)
      .join(' ');
    const held = new Set(wordsOf(text));
    for (const form of [forms[2]!, forms[3]!, forms[5]!])
      lost.push(...wordsOf(form(text)).filter((word) => !held.has(word) && !isPartOf(word, held)));
    for (const question of text.split(' ')) lost.push(...questionWords(question).filter((word) => !held.has(word)));
    // The index is stable: the words of the indexed words are the same again.
    const again = new Set(wordsOf([...held].join(' ')));
    lost.push(...[...held].filter((word) => !again.has(word)));
  }
  t.same(lost, []);
});

t.test('property: a question taken from a text is found in it', async () => {
  const word = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 200 }),
    fc.constantFrom(
      'İstanbul',
      'Zürich',
      'résumé',
      '車庫のドア',
      '腾讯云',
      'กรุงเทพ',
      '서울에서',
      'ſtraße',
      'ΟΔΟΣ',
      'हिन्दी',
    ),
  );
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), fc.nat(), fc.nat(), (words, which, how) => {
      const held = new Set(wordsOf(words.join(' ')));
      const form = forms[how % forms.length]!;
      const asked = questionWords(form(words[which % words.length]!));
      const isFound = (each: string) => held.has(each) || isPartOf(each, held);
      return (
        asked.every(isFound) &&
        asked.length <= maxQuestionWords &&
        (asked.length === 0 || asked.some((each) => held.has(each)))
      );
    }),
    { numRuns: 2_000 },
  );
});

t.test('as people write', async (t) => {
  const finds = (text: string, question: string) => {
    const held = new Set(wordsOf(text));
    const asked = questionWords(question);
    return asked.length > 0 && asked.every((word) => held.has(word));
  };
  const rows: [remembered: string, question: string][] = [
    ['İstanbul ofisi pazartesi kapalı', 'İstanbul'],
    ['İstanbul ofisi pazartesi kapalı', 'istanbul KAPALI'],
    ['Zu\u0308rich is cold', 'Zu\u0308rich'],
    ['Zu\u0308rich is cold', 'ZÜRICH zurich'],
    ['the résumé of Zoë is in the drawer', 're\u0301sume\u0301'],
    ['今日は車庫のドアを閉めました', '車庫'],
    ['用户服务器部署在腾讯云国内节点', '腾讯云'],
    ['猫が好き', '猫'],
    ['ร้านอยู่ที่กรุงเทพ', 'กรุงเทพ'],
    ['ຂ້ອຍຢູ່ວຽງຈັນ', 'ວຽງຈັນ'],
    ['ខ្ញុំនៅភ្នំពេញ', 'ភ្នំពេញ'],
    ['ကျွန်တော်ရန်ကုန်မှာနေတယ်', 'ရန်ကုန်'],
    ['저는 서울에서 살아요', '서울'],
    ['ｆｕｌｌｗｉｄｔｈ ﾄﾞｱ', 'fullwidth ドア'],
    ['die Straße', 'STRASSE'],
    ['у мене п\u02bcять котів', 'П\u02bcЯТЬ'],
    ['\u0149 boek', '\u0149'],
    ['Ὀδυσσεύς', 'ΟΔΥΣΣΕΥΣ'],
    ['auto\u00admatic co\u200doperation', 'automatic cooperation'],
    [`image digest ${'a1b2c3d4'.repeat(16)}`, 'a1b2c3d4'.repeat(16)],
    ['x'.repeat(100_000), 'x'.repeat(100_000)],
    ['call getUserName(id) first', 'user name'],
    ['call getUserName(id) first', 'getusername'],
    ['the relay is at GPIO17', 'gpio 17'],
    ['HTTPServer and parseXML2', 'http server parse xml 2'],
    ['snake_case_name', 'case name'],
    ['we liked it 👩🏽‍💻❤️ 🇩🇪', '👩‍💻'],
    ['we liked it 👩🏽‍💻❤️ 🇩🇪', '❤ 🇩🇪'],
    ['ذهبنا إلى المدرسة', 'الى المدرسه'],
    ['مـــرحـــبا', 'مرحبا'],
    ['کتاب فارسی', 'كتاب فارسي'],
    ['שָׁלוֹם לכולם', 'שלום'],
    ['मुझे हिन्दी पसंद है', 'हिन्दी'],
    ['明日 GPU を買う', 'gpu 買う'],
  ];
  for (const [text, question] of rows) t.ok(finds(text, question), `${text.slice(0, 40)} <- ${question.slice(0, 40)}`);
  t.notOk(finds('かき', 'がき'), 'a voiced sound is another letter');
  t.notOk(finds('腾讯', '讯云'));
  t.same(wordsOf('\ud800 "*(NEAR) 🦊 \u0000'), ['near', '🦊'], 'nothing but letters, digits and emoji');
  t.notOk(finds('🇩🇪 🇫🇷', '🇪🇫'), 'a flag is two characters');
  t.same(wordsOf('a1b2c3d4e5'), ['a1b2c3d4e5'], 'a digest has no parts');
  t.equal(questionWords(Array.from({ length: 500 }, (_, n) => `word${n}`).join(' ')).length, maxQuestionWords);
  t.same(questionWords('tea Tea TEA'), ['tea'], 'each once');
});
