import type { BackendName, CacheType } from '../backends/backend.ts'
import type { ReplyOptions } from '../chat/reply.ts'
import type { QuantizeChoice, QuantizedWeights } from '../convert/quantize-on-load.ts'
import type { ModelSource } from '../hub/model-location.ts'
import type { DownloadProgress } from '../hub/progress.ts'
import type { HubOptions } from '../hub/pull.ts'
import type { ElementType } from '../weights/element-type.ts'

/** How far a model is: it is downloaded, where it is not here yet, and then loaded. */
export type LoadProgress =
  | DownloadProgress
  | {
      readonly stage: 'load'
      /** Bytes of weights placed so far. */
      readonly loaded: number
      /** Bytes of weights in all. */
      readonly total: number
    }

/** How far `quantize` is: the model is downloaded, where it is not here yet, and then written. */
export type QuantizeProgress =
  | DownloadProgress
  | {
      readonly stage: 'write'
      /** Bytes of the new file so far. */
      readonly loaded: number
      /** Bytes that it will have. */
      readonly total: number
    }

export interface EngineOptions {
  /** Most tokens of a sequence; default the smaller of the model's own and 4096. */
  readonly contextLength?: number
  /** Default `wasm`; `reference` is slow and exact. */
  readonly backend?: BackendName
  /** How keys and values are stored; default `i16`. `q8_0` takes half the memory. See docs/conversations.md. */
  readonly cacheType?: CacheType
  /**
   * Bytes that the model may take: weights, keys and values, and work space (the program around them takes some 100 MB more).
   * Unless they are given, `cacheType` and `contextLength` become as small as it needs; a model that does not fit with a
   * context of 512 tokens is refused.
   */
  readonly memoryLimit?: number
  /**
   * What weights that are stored as floats are held as. Default `auto`: of a safetensors model, as they are stored where
   * it is small, else `Q8_0`, or `Q4_0` where that does not fit; of a GGUF file, as they are stored. `none` leaves all
   * as they are stored.
   */
  readonly quantize?: QuantizeChoice
  /**
   * Threads that compute together; default as many as pay on this device. How many of those are best at writing is measured
   * in the first steps and remembered in the user's cache, unless a number is given.
   */
  readonly threads?: number
  /**
   * Has V8 join pairs of vector operations of 128 bits into one of 256: an experiment of V8's that makes reading prompts
   * half as fast again on Node 26 and later, on x64 processors with AVX2. Holds for all WebAssembly that the process
   * compiles from then on. Every kernel is checked once it is optimised.
   */
  readonly revectorize?: boolean
}

/** Where models and adapters that are elsewhere come from. */
export interface SourceOptions extends HubOptions {
  /**
   * Whether what is fetched is kept for the next time; default true. Without, it is read from its server straight into
   * memory, which needs a server that gives parts of files, and nothing compares its checksum.
   */
  readonly store?: boolean
}

export interface AttachOptions extends SourceOptions {
  /** Multiplies what the adapter adds, its own scale aside; default 1. */
  readonly scale?: number
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly signal?: AbortSignal
}

export interface LoadOptions extends EngineOptions, SourceOptions {
  /** Adapters to attach at once, by their names or paths, or their files: see `Model.attach`. */
  readonly adapters?: readonly (ModelSource | { readonly name: ModelSource; readonly scale?: number })[]
  readonly onProgress?: (progress: LoadProgress) => void
  readonly signal?: AbortSignal
}

export interface AskOptions extends ReplyOptions {
  readonly signal?: AbortSignal
}

/** Bytes. */
export interface MemoryEstimate {
  readonly weights: number
  /** Keys and values at the context length asked for. */
  readonly cache: number
  readonly activations: number
  readonly total: number
}

/** What a checkpoint says about itself, and what it needs. */
export interface ModelInfo {
  readonly name: string
  readonly format: 'gguf' | 'safetensors'
  readonly architecture: string
  readonly parameters: number
  /** How many tensors are held in each type, and their bytes. */
  readonly types: readonly { readonly type: ElementType; readonly tensors: number; readonly bytes: number }[]
  /** Where floats are quantised while they are loaded: to what, and what they were. `types` has what they become. */
  readonly quantized: QuantizedWeights | undefined
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly keyValueHeads: number
  /** Feed-forward networks of a layer, and how many of them a token goes through; undefined for dense models. */
  readonly experts: { readonly count: number; readonly used: number } | undefined
  readonly vocabulary: number
  /** Tokens the model was made for. */
  readonly trainedContextLength: number
  /** Tokens it is loaded with (or would be by default). */
  readonly contextLength: number
  /** How keys and values are stored. */
  readonly cacheType: CacheType
  /** What runs it; the memory is this backend's. */
  readonly backend: BackendName
  /** That compute together, where the backend has threads. */
  readonly threads: number
  readonly memory: MemoryEstimate
  /** Memory at the full trained context. */
  readonly fullContextMemory: MemoryEstimate
  /** The chat template's source, where there is one. */
  readonly chatTemplate: string | undefined
  /** Whether the template can switch thinking on and off. */
  readonly switchableThinking: boolean
  /** What users should know of how it runs here, in sentences: where something had to be done in a slower way. */
  readonly notices: readonly string[]
  /** Of a model that is not on this machine: bytes to download before it can be loaded. */
  readonly download?: number
}

/** What an adapter says about itself. */
export interface AdapterInfo {
  /** Of its file or folder. */
  readonly name: string
  readonly format: 'peft' | 'gguf'
  /** The model it was made for, as its author wrote it. */
  readonly baseModel: string | undefined
  /** The family of that model, which only GGUF adapters say. */
  readonly architecture: string | undefined
  /** From the lowest to the highest. */
  readonly ranks: readonly number[]
  /** Weights that it changes, by the last parts of their names: `q_proj`, or `attn_q` in GGUF. */
  readonly targets: readonly { readonly name: string; readonly weights: number }[]
  readonly parameters: number
  /** What its two matrices take in the file. */
  readonly bytes: number
}

export interface RankOptions {
  /** What makes a document relevant, as a sentence; default: that it answers a web search. */
  readonly instruction?: string
  readonly signal?: AbortSignal
}

/** A document's place among others. */
export interface RankedDocument {
  /** Its index in the list that was ranked. */
  readonly document: number
  /** How probably it is relevant, from 0 to 1. */
  readonly score: number
}
