import { describe, expect, it } from 'vitest'
import { JinjaTemplate, TemplateRefusal } from './jinja.ts'

/** Makes n.s a million characters long. */
const LONG = '{% set n = namespace(s="a") %}{% for i in range(20) %}{% set n.s = n.s ~ n.s %}{% endfor %}'

const render = (source: string, variables: Record<string, unknown> = {}) => new JinjaTemplate(source).render(variables)

describe('JinjaTemplate', () => {
  it('renders in the environment of transformers', () => {
    expect(render('{% for i in range(2, 8, 3) %}\n  {{ i }},\n{% endfor %}')).toBe('  2,\n  5,\n')
    expect(render('{{ range(3, 0, -1) | join }}')).toBe('321')
    expect(render('{{ x | tojson }}', { x: { a: '<b>' } })).toBe('{"a": "<b>"}')
    expect(render('{% if none is none and true %}yes{% endif %}')).toBe('yes')
    const july = { now: new Date(2025, 6, 1) }
    expect(new JinjaTemplate('{{ strftime_now("%d %B") }}').render({}, july)).toBe('01 July')
  })

  it('passes on what raise_exception says', () => {
    expect(() => render('{{ raise_exception("roles must alternate") }}')).toThrow(TemplateRefusal)
    expect(() => render('{{ raise_exception("roles must alternate") }}')).toThrow('roles must alternate')
  })

  // Rendered by jinja2 3.1.6 in the environment of transformers; undefined where it fails.
  it.each<[string, string | undefined]>([
    ['{{ d }}', `{'a': "it's", 'b': [1, 2.5, None, True]}`],
    ['{{ true }}{{ none }}{{ nothing }}{{ (1, "a\u200b") }}', "TrueNone(1, 'a\\u200b')"],
    ['{{ d ~ none ~ nothing ~ 1.0 }}', `{'a': "it's", 'b': [1, 2.5, None, True]}None1.0`],
    ['{{ "a" + 1 }}', undefined],
    ['{% for c in "añ" %}[{{ c }}]{% endfor %}', '[a][ñ]'],
    ['{% for x in nothing %}{{ x }}{% else %}none{% endfor %}', 'none'],
    ['{% for x in none %}{% endfor %}', undefined],
    ['{% for a, b in [(1, 2), [3, 4]] if a > 1 %}{{ a }}{{ b }}{% endfor %}', '34'],
    ['{{ nothing | length }}{{ none | trim }}{{ nothing | upper }}', '0None'],
    ['{{ none | selectattr("x") | list | length }}', '0'],
    ['{{ [d] | map(attribute="a") | tojson }}', undefined],
    ['{{ [d] | map(attribute="a") | length }}', undefined],
    ['{{ [d] | map(attribute="a") | list | tojson }}', `["it's"]`],
    ['{{ [3, 1, 2] | min }}{{ ["b", "A"] | max }}{{ [] | first }}{{ [] | max }}', '1b'],
    ['{{ "%s-%d%%" | format("a", 2) }}', 'a-2%'],
    ['{{ "{} {} {x}{{}}".format("a", none, x=3) }}', 'a None 3{}'],
    ['{{ s.strip("\n") }}|{{ s.lstrip() }}|{{ s.rstrip("x\n") }}', ' x|x\n|\n '],
    ['{{ "<i>" | safe + q + "!" }}', '<i>&lt;b&gt; &amp; &#39;c&#39;!'],
    ['{{ q | safe ~ q }}', "<b> & 'c'<b> & 'c'"],
    ['{% for k, v in {10: "a", 9: "b"} | dictsort %}{{ k + 1 }}{{ v }}{% endfor %}', '10b11a'],
    ['{% for k, v in {10: "a", 9: "b"}.items() %}{{ k + 1 }}{{ v }}{% endfor %}', '11a10b'],
    ['{{ d is iterable }}{{ nothing is iterable }}{{ none is iterable }}{{ 1 is not iterable }}', 'TrueTrueFalseTrue'],
    [
      '{{ [1, "a", none] | join("-") }}{{ [d] | join(", ", attribute="a") }}{{ "abc" | join(d=".") }}',
      "1-a-Noneit'sa.b.c",
    ],
    ['{{ m[0] == m[1] }}{{ m[0] in m }}{{ m[0] != m[1] }}{{ [1] == (1, 2) }}', 'TrueTrueFalseFalse'],
    ['{{ 1 == true }}{{ "1" == 1 }}{{ none == nothing }}{{ none in [1, none] }}', 'TrueFalseFalseTrue'],
    ['{{ k["items"] }}{% for key, value in k.items() %}{{ key }}{% endfor %}', '[1]items'],
    ['{{ d[nothing] }}|{{ d[1] }}|{{ {1: 2}[1] }}', '||2'],
    ['{{ "ab" * 3 }}{{ "ab" * -1 }}', 'ababab'],
    ['{{ nothing.x }}', undefined],
    ['{{ d.x.y }}', undefined],
    ['{{ d.x is defined }}{{ d.a.x is defined }}', 'FalseFalse'],
  ])('agrees with jinja2 on %j', (source, text) => {
    const turn = { r: 'u', c: [1] }
    const lists = { m: [turn, { ...turn, c: [1] }], k: { items: [1] } }
    const variables = { ...lists, d: { a: "it's", b: [1, 2.5, null, true] }, s: '\n x\n', q: "<b> & 'c'" }
    if (text === undefined) expect(() => render(source, variables)).toThrow()
    else expect(render(source, variables)).toBe(text)
  })

  it.each([
    ['a range of a billion', '{% for i in range(10**9) %}x{% endfor %}'],
    ['an endless range', '{% for i in range(0, 5, 0) %}x{% endfor %}'],
    [
      'a text that doubles',
      '{% set n = namespace(s="x") %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}',
    ],
    [
      'a list that doubles',
      '{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}',
    ],
    ['a value that contains itself', '{% set n = namespace() %}{% set n.s = [n] %}{{ [n] | tojson }}'],
    ['the text of a value that contains itself', '{% set n = namespace() %}{% set n.s = [n] %}{{ [n] }}'],
    ['joining what contains itself', '{% set n = namespace() %}{% set n.s = [n] %}{{ [n] | join }}'],
    [
      'two macros that call each other',
      '{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}',
    ],
    [
      'a call block that calls itself',
      '{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{% call f() %}x{% endcall %}',
    ],
    ['a text many times over', '{{ "ab" * 40000000 }}'],
    [
      'comparing what contains itself',
      '{% set n = namespace() %}{% set m = namespace() %}{% set n.s = n %}{% set m.s = m %}{{ n == m }}',
    ],
    ['the constructor of a text', '{{ "x".constructor("y") }}'],
    ['a prototype of a text', '{{ "x".__proto__.y }}'],
    ['a search for a long text', `${LONG}{{ n.s ~ "b" ~ n.s in n.s ~ n.s ~ n.s ~ n.s }}`],
    ['a long separator', `${LONG}{{ (n.s ~ n.s ~ n.s).split(n.s ~ "b" ~ n.s) }}`],
    ['a long text to replace', `${LONG}{{ n.s ~ n.s ~ n.s | replace(n.s ~ "b" ~ n.s, "") }}`],
    [
      'a long text in a long list',
      `${LONG}{% set m = namespace(l=[n.s]) %}{% for i in range(19) %}{% set m.l = m.l + m.l %}{% endfor %}{{ n.s[1:] ~ "b" in m.l }}`,
    ],
    [
      'the largest of many long texts',
      `${LONG}{% set m = namespace(l=[n.s]) %}{% for i in range(19) %}{% set m.l = m.l + m.l %}{% endfor %}{{ m.l | max }}`,
    ],
    ['a wide indentation', '{{ "a\nb" | indent(400000000) }}'],
    ['a wide indentation of JSON', '{{ [1] | tojson(indent=400000000) }}'],
    ['nesting without end', `{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`],
    ['a chain of filters without end', `{{ x${'|upper'.repeat(100_000)} }}`],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'],
  ])('ends %s', (_, source) => {
    expect(() => render(source)).toThrow()
  })

  it.each(['x.replace("a", §)', 'x | replace("a", §)', '"{}".format(§)', 'x ~ (§)', '{"a": §}', 'x | default(§)'])(
    'evaluates what stands in %s once',
    (around) => {
      const counting = '{% set n = namespace(i=0) %}{% macro f() %}{% set n.i = n.i + 1 %}{% endmacro %}'
      let nested = 'f()'
      for (let i = 0; i < 30; i++) nested = around.replace('§', () => nested)
      expect(render(`${counting}{% set y = ${nested} %}{{ n.i }}`, { x: 'abc' })).toBe('1')
    },
  )

  it('compares lists that share their parts no longer than it takes to see that they are large', () => {
    const twice = (name: string) =>
      `{% set ${name} = namespace(s=[1]) %}{% for i in range(40) %}{% set ${name}.s = [${name}.s, ${name}.s] %}{% endfor %}`
    expect(() => render(`${twice('a')}${twice('b')}{{ a.s == b.s }}`)).toThrow('too large to compare')
  })

  it.each(['{{ n.s | tojson }}', '{{ n.s }}', '{{ n.s ~ "" }}', '{{ n.s | string }}', '{{ n.s | join(",") }}'])(
    'measures lists that share their parts before it writes them: %s',
    (written) => {
      const shared = '{% set n = namespace(s=[1]) %}{% for i in range(40) %}{% set n.s = [n.s, n.s] %}{% endfor %}'
      expect(() => render(shared + written)).toThrow('grew without end')
    },
  )

  it('ends nested loops at the deadline', () => {
    const loops = '{% for i in range(99999) %}{% for j in range(9999) %}{{ j }}{% endfor %}{% endfor %}'
    const start = performance.now()
    expect(() => new JinjaTemplate(loops).render({}, { deadline: 100 })).toThrow('not done after 0.1 seconds')
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('refuses sources that take the lexer too long', () => {
    expect(() => new JinjaTemplate(' '.repeat(100_000))).toThrow('blanks')
    expect(() => new JinjaTemplate('x '.repeat(1_000_000))).toThrow('longer than')
  })
})
