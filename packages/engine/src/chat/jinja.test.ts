import { describe, expect, it } from 'vitest'
import { JinjaTemplate, TemplateRefusal } from './jinja.ts'

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
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'],
  ])('ends %s', (_, source) => {
    expect(() => render(source)).toThrow()
  })

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
