import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { importsOf } from './imports.ts'
import { filesBelow, projectFiles, ROOT } from './workspace.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** The engine from the top down: a floor imports only from itself and from those below it. */
const FLOORS = [
  'prompt-api',
  'index.ts',
  'client',
  'worker',
  'convert',
  'chat',
  'generate',
  'batch',
  'cache',
  'tokenizer',
  'architectures',
  'backends',
  'graph',
  'hub',
  'weights',
  'bytes',
  'machine',
  'errors.ts',
]

/** Which of our own packages a package may import. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  engine: [],
  nano: [],
  laju: ['@laju/engine', '@laju/nano'],
}

const ENGINE = 'packages/engine/src'

/** Tests, and what only tests use, may look anywhere in their package. */
function isForTests(path: string): boolean {
  return /\.test\.ts$|\/testing\/|\/test-[^/]*\.ts$/.test(path)
}

function sourcesOf(packageName: string): string[] {
  return filesBelow(`packages/${packageName}/src`).filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
}

/** The file in the workspace that a relative import means, or one of a pair (`#machine/memory`). */
function targetOf(path: string, specifier: string): string {
  if (specifier.startsWith('#')) return posix.join(ENGINE, `${specifier.slice(1)}.ts`)
  return posix.join(posix.dirname(path), specifier)
}

describe('the floors of the engine', () => {
  const floorOf = (path: string) => posix.relative(ENGINE, path).split('/')[0] ?? ''
  const sources = sourcesOf('engine').filter((path) => !isForTests(path))

  it('are all of the engine', () => {
    expect(sources.length).toBeGreaterThan(0)
    expect(sources.filter((path) => !FLOORS.includes(floorOf(path)))).toEqual([])
  })

  it('import downwards only', () => {
    const upward = sources.flatMap((path) =>
      importsOf(read(path))
        .filter((specifier) => /^[.#]/.test(specifier))
        .map((specifier) => ({ path, target: targetOf(path, specifier) }))
        .filter(({ target }) => target.endsWith('.ts'))
        .filter(({ target }) => FLOORS.indexOf(floorOf(target)) < FLOORS.indexOf(floorOf(path)))
        .map(({ target }) => `${path} imports ${target}`),
    )
    expect(upward).toEqual([])
  })
})

describe('what differs between Node and browsers', () => {
  const isHalf = (path: string) => path.endsWith('-browser.ts')
  const sources = sourcesOf('engine').filter((path) => !isForTests(path))
  const halves = sources.filter(isHalf)
  // Types are those of the half for Node, for everybody.
  const exportsOf = (path: string) =>
    [...read(path).matchAll(/^export (?:async )?(?:function|const|class) (\w+)/gm)].map(([, name]) => name)

  it.each(halves)('%s has the exports of its other half', (half) => {
    const other = half.replace('-browser.ts', '.ts')
    expect(exportsOf(half).sort()).toEqual(exportsOf(other).sort())
  })

  it('is imported by a name that each finds its half by, and by no other', () => {
    const imported = sources.flatMap((path) => importsOf(read(path)).map((specifier) => ({ path, specifier })))
    const others = halves.map((half) => half.replace('-browser.ts', '.ts'))
    const past = imported.filter(
      ({ path, specifier }) =>
        specifier.startsWith('.') && [...halves, ...others].includes(targetOf(path, specifier)) && !isHalf(path),
    )
    expect(past).toEqual([])
    const lonely = imported.filter(
      ({ path, specifier }) => specifier.startsWith('#') && !others.includes(targetOf(path, specifier)),
    )
    expect(lonely).toEqual([])
  })
})

describe('the packages', () => {
  const packages = Object.keys(MAY_IMPORT)

  it('are those whose imports are settled here', () => {
    const found = new Set(
      filesBelow('packages').flatMap((path) => /^packages\/([^/]+)\/package\.json$/.exec(path)?.[1] ?? []),
    )
    expect([...found].filter((name) => !packages.includes(name))).toEqual([])
  })

  it.each(packages)('%s imports no package of ours but those it may', (name) => {
    const allowed = MAY_IMPORT[name] ?? []
    const isForeign = (path: string, specifier: string) => {
      if (specifier.startsWith('.')) return !targetOf(path, specifier).startsWith(`packages/${name}/`)
      if (specifier !== 'laju' && !/^(?:laju|@laju)\//.test(specifier)) return false
      return !allowed.some((other) => specifier === other || specifier.startsWith(`${other}/`))
    }
    const foreign = sourcesOf(name).flatMap((path) =>
      importsOf(read(path))
        .filter((specifier) => isForeign(path, specifier) && !(specifier.startsWith('.') && isForTests(path)))
        .map((specifier) => `${path} imports ${specifier}`),
    )
    expect(foreign).toEqual([])
  })

  it.each(packages)('%s depends on no package of ours but those it may import', (name) => {
    const manifest = `packages/${name}/package.json`
    if (!existsSync(join(ROOT, manifest))) return
    const { dependencies = {} } = JSON.parse(read(manifest)) as { dependencies?: Record<string, string> }
    const ours = Object.keys(dependencies).filter((other) => other === 'laju' || other.startsWith('@laju/'))
    expect(ours.filter((other) => !MAY_IMPORT[name]?.includes(other))).toEqual([])
  })
})

describe("docs/architecture.md, One token's way", () => {
  const PAGE = 'docs/architecture.md'

  /** The backticked paths in the numbered list of the section. */
  function pathsNamed(): string[] {
    const [, section = ''] = read(PAGE).split(/^## One token's way$/m)
    const list = section.split(/^## /m)[0]?.split('\n') ?? []
    const lines = list.filter((line) => /^(?:\d+\.|-) /.test(line))
    return lines.flatMap((line) => [...line.matchAll(/`([^`\s]+\/[^`\s]+)`/g)].map(([, path = '']) => path))
  }

  it('names only files that exist', () => {
    expect(existsSync(join(ROOT, PAGE)), `${PAGE} is missing; it must hold the list "One token's way"`).toBe(true)
    const paths = pathsNamed()
    expect(paths.length, `${PAGE} must list the files of "One token's way" in backticks`).toBeGreaterThan(5)
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })
})

describe('what is committed', () => {
  // Put together from pieces, so that this file does not hold what it looks for.
  const FOLDERS = ['work', 'home/[\\w.-]+', 'root', 'Users/[\\w.-]+', 'mnt'].map((folder) => `(?<![\\w.~-])/${folder}/`)
  const HOSTS = [
    ['registry', 'npmjs'],
    ['registry', 'yarnpkg'],
    ['pypi', 'org'],
    ['files', 'pythonhosted'],
  ].map((parts) => parts.join('\\.'))
  const UNWANTED = new RegExp([...FOLDERS, ...HOSTS].join('|'))
  const files = projectFiles()

  it.skipIf(files === undefined)('names no folder of one machine and no package registry', () => {
    const found = (files ?? []).flatMap((path) => {
      const content = readFileSync(join(ROOT, path))
      if (content.includes(0)) return [] // binary
      const match = UNWANTED.exec(content.toString())
      return match === null ? [] : [`${path}: ${match[0]}`]
    })
    expect(found).toEqual([])
  })

  it('locks packages by version and checksum, without the address of a registry', () => {
    const addresses = [...read('package-lock.json').matchAll(/"resolved": "(\w+:[^"]*)"/g)].map(
      ([, address]) => address,
    )
    expect(addresses).toEqual([])
  })
})
