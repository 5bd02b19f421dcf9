import { TokenizerError } from '../errors.ts'
import { compilePattern } from './pattern.ts'
import { PreTokenizer } from './pre-tokenizer.ts'

/** What a GGUF file's `tokenizer.ggml.pre` stands for. */
export interface NamedPreTokenizer {
  readonly preTokenizer: PreTokenizer
  /** A word that is a token is that token, whatever the merges say. */
  readonly ignoresMerges: boolean
  /** Sequences begin with the bos token unless the file says otherwise. */
  readonly addsBeginning: boolean
}

/** The pattern of GPT-2, and of the `ByteLevel` pre-tokenizer of tokenizer.json. */
export const GPT_2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

const CONTRACTIONS = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
const SPACES = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`
const DIGIT = String.raw`\p{N}`
const UP_TO_3_DIGITS = String.raw`\p{N}{1,3}`

/** The pattern of cl100k and its successors, which differ in how many digits make a word. */
function modernPattern(digits: string): string {
  return String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|${SPACES}`
}

/** That of o200k, which cuts before capitals; contractions stay with their word. */
function capitalsPattern(contractions: string, digits: string): string {
  const lead = String.raw`[^\r\n\p{L}\p{N}]?`
  const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
  const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
  const words = `${lead}${upper}*${lower}+${contractions}|${lead}${upper}+${lower}*${contractions}`
  return String.raw`${words}|${digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${SPACES}`
}

const QWEN_2 = [modernPattern(DIGIT)]
const LLAMA_3 = [modernPattern(UP_TO_3_DIGITS)]
const STARCODER = [DIGIT, GPT_2_PATTERN]

const QWEN_35 = [
  String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|${SPACES}`,
]

const SEED_CODER = [String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|${SPACES}`]

const DEEPSEEK_V3_WORDS = [
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+`,
  String.raw`[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|${SPACES}`,
].join('|')
const DEEPSEEK_V3 = [UP_TO_3_DIGITS, '[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+', DEEPSEEK_V3_WORDS]

/** Chinese characters, Korean, and all between U+0800 and them. */
const DEEPSEEK_CJK = '[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+'
const DEEPSEEK_CODER = [String.raw`[\r\n]`, String.raw`\s?\p{L}+`, String.raw`\s?\p{P}+`, DEEPSEEK_CJK, DIGIT]

/** Letters that have two cases, as of some version of Unicode: the list is part of the tokenizer. */
const DEEPSEEK_LETTERS = [
  'A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373',
  '\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f',
  '\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77',
  '\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d',
  '\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4',
  '\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139',
  '\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d',
  '\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a',
  '\uff41-\uff5a\u{10400}-\u{1044f}\u{104b0}-\u{104d3}\u{104d8}-\u{104fb}\u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}',
  '\u{118a0}-\u{118df}\u{1e900}-\u{1e943}',
].join('')
const DEEPSEEK_LLM = [
  String.raw`[\r\n]`,
  String.raw`\s?[${DEEPSEEK_LETTERS}]+`,
  '\\s?[!-\\/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+',
  String.raw`\s+$`,
  DEEPSEEK_CJK,
  String.raw`\p{N}+`,
]

const FALCON = [String.raw`[\p{P}\$\+<=>\^~\|${'`'}]+`, GPT_2_PATTERN, '[0-9][0-9][0-9]']

/** Runs of newlines apart from the rest, in which spaces are letters like others. */
const GEMMA_4 = [String.raw`[^\n]+|[\n]+`]

/**
 * The names as llama.cpp writes and reads them, by pattern; each pattern cuts what the one before it left. Some families
 * also take a word that is a token whole, and some begin with bos.
 */
const NAMES: readonly {
  readonly patterns: readonly string[]
  readonly ignoresMerges?: true
  readonly addsBeginning?: true
  readonly names: readonly string[]
}[] = [
  {
    patterns: [GPT_2_PATTERN],
    names: ['gpt-2', 'phi-2', 'olmo', 'mpt', 'jais', 'exaone4', 'gigachat', 'a.x-4.0', 'mellum', 'trillion'],
  },
  {
    patterns: STARCODER,
    names: ['starcoder', 'refact', 'command-r', 'smollm', 'codeshell', 'exaone', 'minerva-7b'],
  },
  {
    patterns: QWEN_2,
    names: ['qwen2', 'deepseek-r1-qwen', 'hunyuan', 'grok-2', 'kormo', 'f2llmv2', 'megrez', 'stablelm2', 'solar-open'],
  },
  { patterns: QWEN_35, names: ['qwen35'] },
  {
    patterns: LLAMA_3,
    ignoresMerges: true,
    addsBeginning: true,
    names: ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
  },
  { patterns: LLAMA_3, names: ['dbrx', 'smaug-bpe', 'glm4', 'chatglm-bpe'] },
  { patterns: [capitalsPattern(`${CONTRACTIONS}?`, UP_TO_3_DIGITS)], names: ['gpt-4o', 'llama4', 'minimax-m2'] },
  { patterns: [capitalsPattern('', DIGIT)], ignoresMerges: true, addsBeginning: true, names: ['tekken'] },
  { patterns: DEEPSEEK_V3, names: ['deepseek-v3', 'hunyuan-dense', 'joyai-llm'] },
  { patterns: DEEPSEEK_LLM, names: ['deepseek-llm'] },
  { patterns: DEEPSEEK_CODER, names: ['deepseek-coder'] },
  { patterns: SEED_CODER, names: ['seed-coder'] },
  { patterns: FALCON, names: ['falcon'] },
  { patterns: GEMMA_4, addsBeginning: true, names: ['gemma4'] },
]

/** One name of every kind that is known, in the order of the table. */
export const PRE_TOKENIZER_NAMES: readonly string[] = NAMES.map(({ names }) => names[0])

/**
 * The pre-tokenizer that `tokenizer.ggml.pre` names.
 * @throws TokenizerError when the name is none that is known.
 */
export function namedPreTokenizer(name: string, file: string): NamedPreTokenizer {
  const row = NAMES.find(({ names }) => names.includes(name))
  if (row === undefined) {
    throw new TokenizerError(
      'unsupported-tokenizer',
      `${file} needs the pre-tokenizer "${name}", which is not supported.`,
      {
        file,
        field: 'tokenizer.ggml.pre',
        remedy: `Use a model with one of these: ${NAMES.flatMap(({ names }) => names).join(', ')}.`,
      },
    )
  }
  const splits = row.patterns.map((source) => isolating(source, file))
  return {
    preTokenizer: new PreTokenizer(splits),
    ignoresMerges: row.ignoresMerges === true,
    addsBeginning: row.addsBeginning === true,
  }
}

function isolating(source: string, file: string) {
  return { pattern: compilePattern(source, file), behavior: 'Isolated', inverted: false } as const
}
