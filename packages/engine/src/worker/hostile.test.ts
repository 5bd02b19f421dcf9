import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { LajuError } from '../errors.ts'
import { MIXTRAL_FOLDER } from '../testing/mixtral-gguf.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { GGUF, writeGguf } from '../testing/write-gguf.ts'
import { sentencePieceModel } from '../tokenizer/test-sentencepiece.ts'
import { Engine } from './engine.ts'

/*
 * Whole models, of which one thing is not as it should be, through the door that every model comes in by. Broken headers
 * are tried by the thousand elsewhere (testing/fuzz).
 */

const NANO = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const NANO_FOLDER = fileURLToPath(new URL('../../../nano/fixtures/hf', import.meta.url))
/** Two seconds are meant; a machine under load is slower. */
const PATIENCE_MS = 5000
const GIGABYTE = 2 ** 30

/** A model that runs: the bundled tokenizer and configuration, and what else is given in their place or beside them. */
function folderWith(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = temporaryFolder()
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(join(NANO_FOLDER, name), join(folder, name))
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

/** Loads and answers a question; whatever happens may not take long. */
async function answerOf(path: string): Promise<string> {
  const start = performance.now()
  const engine = await Engine.load(path, {})
  expect(performance.now() - start).toBeLessThan(PATIENCE_MS)
  try {
    const begun = performance.now()
    const prompt = { messages: [{ role: 'user' as const, content: '1 + 1?' }] }
    const reply = await engine
      .reply({ prompt, conversation: undefined, options: { maxTokens: 4, temperature: 0 } }, () => {})
      .finally(() => expect(performance.now() - begun).toBeLessThan(PATIENCE_MS))
    return reply.text
  } finally {
    engine.dispose()
  }
}

async function failure(path: string): Promise<LajuError> {
  const error = await answerOf(path).then(
    () => expect.fail('It answers.'),
    (error: unknown) => error,
  )
  if (!(error instanceof LajuError)) throw error
  expect(error.message).toMatch(/^[^\n\0]{10,1500}$/)
  return error
}

it('the model that is spoilt here runs when it is whole', async () => {
  expect(typeof (await answerOf(folderWith()))).toBe('string')
  expect(typeof (await answerOf(NANO))).toBe('string')
})

describe('a file of a gigabyte', () => {
  it.each([
    'config.json',
    'generation_config.json',
    'tokenizer_config.json',
    'tokenizer.json',
    'tokenizer.model',
    'chat_template.jinja',
    'model.safetensors.index.json',
  ])('in the place of %s is not read', async (name) => {
    const folder = folderWith({ [name]: ' ' })
    if (name === 'tokenizer.model') rmSync(join(folder, 'tokenizer.json'))
    if (name.endsWith('.index.json')) rmSync(join(folder, 'model.safetensors'))
    truncateSync(join(folder, name), GIGABYTE)
    const before = process.resourceUsage().maxRSS
    expect(await failure(folder)).toMatchObject({
      code: 'invalid-checkpoint',
      message: expect.stringMatching(new RegExp(`${name.replaceAll('.', '\\.')} has 1073741824 bytes`)),
    })
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(64 * 1024)
  })

  it.each([
    ['a text', '', 24 + 8 + 1 + 4, GIGABYTE],
    // Of at least 8 bytes each.
    ['a list of texts', [''], 24 + 8 + 1 + 4 + 4, GIGABYTE / 8],
  ])('of GGUF metadata that is %s is not kept', async (_, value, lengthAt, length) => {
    const path = join(temporaryFolder(), 'm.gguf')
    const file = writeGguf({ fields: [{ key: 'k', type: GGUF.STRING, value }] })
    new DataView(file.buffer).setBigUint64(lengthAt, BigInt(length), true)
    writeFileSync(path, file)
    truncateSync(path, 2 * GIGABYTE)
    const before = process.resourceUsage().maxRSS
    expect((await failure(path)).code).toMatch(/^(invalid-checkpoint|truncated|unsupported-\w+)$/)
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(80 * 1024)
  })

  it('of a safetensors header is not read', async () => {
    const folder = folderWith({ 'model.safetensors': Uint8Array.of(0, 0, 0, 0x40, 0, 0, 0, 0, 0x7b) })
    truncateSync(join(folder, 'model.safetensors'), 2 * GIGABYTE)
    expect(await failure(folder)).toMatchObject({ code: 'invalid-checkpoint' })
  })
})

describe('a compressed file', () => {
  it.each([
    ['gzip', gzipSync(readFileSync(NANO))],
    ['zstd', zstdCompressSync(readFileSync(NANO))],
    ['an empty gzip', gzipSync('')],
    ['a bomb', gzipSync(new Uint8Array(1e8))],
  ])('(%s) is not opened, and nothing is unpacked', async (_, content) => {
    const path = join(temporaryFolder(), 'm.gguf')
    writeFileSync(path, content)
    expect((await failure(path)).code).toBe('unsupported-format')
    expect((await failure(folderWith({ 'model.safetensors': content }))).code).toMatch(
      /^(unsupported-format|truncated)$/,
    )
    expect((await failure(folderWith({ 'tokenizer.json': content }))).code).toBe('invalid-tokenizer')
  })
})

describe('what is not UTF-8', () => {
  const broken = (text: string) =>
    Uint8Array.from([...new TextEncoder().encode(text)].map((byte) => (byte === 0x3f ? 0xff : byte)))

  it.each([
    ['config.json', '{"architectures": ["?"]}', 'invalid-checkpoint'],
    ['generation_config.json', '{"?": 1}', 'invalid-checkpoint'],
    ['tokenizer_config.json', '{"?": 1}', 'invalid-checkpoint'],
    ['tokenizer.json', '{"?": 1}', 'invalid-tokenizer'],
    ['chat_template.jinja', '{{ ? }}', 'template-failed'],
  ])('in %s', async (name, text, code) => {
    expect((await failure(folderWith({ [name]: broken(text) }))).code).toBe(code)
  })

  it('in a GGUF key, in the name of a safetensors tensor, in a piece of tokenizer.model', async () => {
    const path = join(temporaryFolder(), 'm.gguf')
    const file = writeGguf({ fields: [{ key: 'k', type: GGUF.STRING, value: 'v' }] })
    file[24 + 8] = 0xff
    writeFileSync(path, file)
    expect((await failure(path)).code).toBe('invalid-checkpoint')
    const folder = folderWith()
    const weights = readFileSync(join(folder, 'model.safetensors'))
    weights[weights.indexOf('model.norm')] = 0xff
    writeFileSync(join(folder, 'model.safetensors'), weights)
    expect((await failure(folder)).code).toBe('invalid-checkpoint')
    // A piece may be any bytes: it stays what it is.
    const pieces = folderWith({ 'tokenizer.model': broken(String.fromCharCode(...sentencePieceModel([['?', -1]]))) })
    rmSync(join(pieces, 'tokenizer.json'))
    await answerOf(pieces).catch((error: unknown) => expect(error).toBeInstanceOf(LajuError))
  })
})

describe.skipIf(process.platform === 'win32')('a link out of the folder', () => {
  const secret = () => {
    const path = join(temporaryFolder(), 'secret')
    writeFileSync(path, '{"secret": true}')
    return path
  }

  it.each([
    'config.json',
    'generation_config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'tokenizer.model',
    'chat_template.jinja',
    'model.safetensors',
    'model.safetensors.index.json',
  ])('%s is refused, and nothing of it is told', async (name) => {
    const folder = folderWith()
    if (name === 'tokenizer.model') rmSync(join(folder, 'tokenizer.json'))
    if (name.endsWith('.index.json')) rmSync(join(folder, 'model.safetensors'))
    rmSync(join(folder, name), { force: true })
    symlinkSync(secret(), join(folder, name))
    const error = await failure(folder)
    expect(error).toMatchObject({ code: 'not-a-file', message: expect.stringContaining('leads out') })
    expect(error.message).not.toContain('true')
  })

  it('in the place of a shard or of a part is refused', async () => {
    const folder = folderWith({
      'config.json': readFileSync(join(MIXTRAL_FOLDER, 'config.json')),
      'model.safetensors.index.json': '{"weight_map": {"a": "a.safetensors"}}',
    })
    rmSync(join(folder, 'model.safetensors'))
    symlinkSync(join(MIXTRAL_FOLDER, 'model.safetensors'), join(folder, 'a.safetensors'))
    expect((await failure(folder)).code).toBe('not-a-file')
    const parts = temporaryFolder()
    const split = writeGguf({
      fields: [
        { key: 'split.no', type: GGUF.U16, value: 0 },
        { key: 'split.count', type: GGUF.U16, value: 2 },
      ],
    })
    writeFileSync(join(parts, 'm-00001-of-00002.gguf'), split)
    symlinkSync(NANO, join(parts, 'm-00002-of-00002.gguf'))
    expect((await failure(join(parts, 'm-00001-of-00002.gguf'))).code).toBe('not-a-file')
  })

  it('and pipes and folders in the place of files are refused', async () => {
    const folder = folderWith()
    rmSync(join(folder, 'tokenizer.json'))
    execFileSync('mkfifo', [join(folder, 'tokenizer.json')])
    expect((await failure(folder)).code).toBe('not-a-file')
    const other = folderWith()
    rmSync(join(other, 'config.json'))
    mkdirSync(join(other, 'config.json'))
    expect((await failure(other)).code).toBe('not-found')
  })
})

describe('a template', () => {
  it.each([
    ['that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'],
    ['of what contains itself', '{% set n = namespace() %}{% set n.s = [n] %}{{ n | tojson }}'],
    ['that hardly ends', '{% for i in range(99999) %}{% for j in range(99999) %}{{ j }}{% endfor %}{% endfor %}'],
    [
      'that hardly ends, whatever is asked of it',
      '<think></think>{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}',
    ],
    ['that grows', '{% set n = namespace(s="x") %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}'],
    ['that opens what it does not close', '{% if messages %}'],
    ['that includes others', '{% include "/etc/passwd" %}'],
  ])('%s ends with an error, soon', async (_, source) => {
    expect(await failure(folderWith({ 'chat_template.jinja': source }))).toMatchObject({ code: 'template-failed' })
  })
})

describe('weights that are no numbers', () => {
  /** The bundled model with one of its bytes changed, at a place within the data of a tensor. */
  function nanoWith(tensor: string, bytes: readonly number[]): string {
    const file = readFileSync(NANO)
    const path = join(temporaryFolder(), 'm.gguf')
    file.set(bytes, offsetOf(file, tensor))
    writeFileSync(path, file)
    return path
  }

  /** From the table of tensors: name, dimensions, type, offset; the data begins behind it, aligned to 32 bytes. */
  function offsetOf(file: Buffer, tensor: string): number {
    const at = (name: string) => file.lastIndexOf(name) + name.length
    const entryEnd = (name: string) => at(name) + 4 + 8 * file.readUInt32LE(at(name)) + 4 + 8
    const names = [...file.toString('latin1').matchAll(/(?:blk\.\d+\.\w+|token_embd|output_norm)\.weight/g)].map(
      ([name]) => name,
    )
    const tableEnd = Math.max(...names.map(entryEnd))
    return Math.ceil(tableEnd / 32) * 32 + Number(file.readBigUInt64LE(entryEnd(tensor) - 8))
  }

  it.each([
    ['token_embd.weight', [0x00, 0x7e], 'a factor of NaN'],
    ['blk.2.ffn_down.weight', [0x00, 0xfc], 'a factor of -Infinity'],
    ['output_norm.weight', [0x00, 0x00, 0xc0, 0x7f], 'a norm of NaN'],
    ['blk.0.attn_norm.weight', [0x00, 0x00, 0x80, 0x7f], 'a norm of Infinity'],
  ])('%s: refused at load and named (%#)', async (tensor, bytes) => {
    for (const backend of ['wasm', 'reference'] as const) {
      await expect(Engine.load(nanoWith(tensor, bytes), { backend })).rejects.toMatchObject({
        code: 'invalid-checkpoint',
        field: tensor,
      })
    }
  })

  it('but too large for their sums: no token is drawn', async () => {
    const path = nanoWith(
      'output_norm.weight',
      [0xff, 0xff, 0x7f, 0x7f, 0xff, 0xff, 0x7f, 0x7f, 0xff, 0xff, 0x7f, 0x7f],
    )
    expect(await failure(path)).toMatchObject({ code: 'kernel-failed', field: 'logits' })
  })
})
