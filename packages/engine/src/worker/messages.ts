import type { QuantizedFile } from '#convert/quantize-file'
import type { Limit } from '../backends/wasm/ceilings.ts'
import type { Message } from '../chat/message.ts'
import type { Reply, ReplyOptions, ReplyPart } from '../chat/reply.ts'
import type { ToolDefinition } from '../chat/tools.ts'
import type { FileType } from '../convert/file-type.ts'
import type { DownloadedModel } from '../hub/downloaded.ts'
import type { ModelLocation } from '../hub/model-location.ts'
import type { DownloadProgress } from '../hub/progress.ts'
import type { HubOptions } from '../hub/pull.ts'
import type { Gauged } from './ceilings.ts'
import type { ConversationRecord } from './conversation-record.ts'
import type { RankRequest } from './rank.ts'
import type { SerializedError } from './serialized-error.ts'
import type { TokenWork } from './token-work.ts'
import type { AdapterInfo, EngineOptions, LoadProgress, ModelInfo, QuantizeProgress } from './types.ts'

/** What the client may ask the engine's worker, by name: the request, the events on the way, the result. */
export interface Calls {
  load: { request: { path: ModelLocation; options: EngineOptions }; event: LoadProgress; result: ModelInfo }
  quantize: {
    request: { path: ModelLocation; output: string; type: FileType }
    event: QuantizeProgress
    result: QuantizedFile
  }
  inspect: { request: { path: ModelLocation; options: EngineOptions }; event: never; result: ModelInfo }
  inspectAdapter: { request: { path: ModelLocation }; event: never; result: AdapterInfo }
  /** Models of the storage that a browser keeps for the page's site. */
  locate: { request: StoreRequest; event: DownloadProgress; result: string }
  pull: { request: StoreRequest; event: DownloadProgress; result: string }
  locateUnstored: { request: StoreRequest; event: never; result: ModelLocation }
  listDownloads: { request: undefined; event: never; result: DownloadedModel[] }
  findDownloads: { request: { reference: string }; event: never; result: readonly DownloadedModel[] }
  removeDownloads: { request: { reference: string }; event: never; result: undefined }
  reply: { request: ReplyRequest; event: ReplyPart; result: Reply }
  /** Tokens of a prompt, which are computed too where there is a conversation to keep them in. */
  read: { request: ReplyRequest; event: never; result: number }
  forward: { request: { ids: Int32Array }; event: Float32Array; result: undefined }
  embed: { request: { texts: readonly string[] }; event: never; result: Float32Array[] }
  rank: { request: RankRequest; event: never; result: number[] }
  tokenize: { request: { text: string; special: boolean; beginning: boolean }; event: never; result: Int32Array }
  detokenize: { request: { ids: Int32Array }; event: never; result: string }
  attach: { request: AttachRequest; event: never; result: AdapterInfo }
  scale: { request: { adapter: number; scale: number }; event: never; result: undefined }
  detach: { request: { adapter: number }; event: never; result: undefined }
  fork: { request: { from: number; to: number }; event: never; result: undefined }
  save: { request: SaveRequest; event: never; result: Blob | undefined }
  restore: { request: RestoreRequest; event: never; result: ConversationRecord }
  forget: { request: { conversation: number }; event: never; result: undefined }
  /** Computes some tokens, and greedily a few more. */
  time: { request: TimeRequest; event: never; result: TimeResult }
  /** What a token of the loaded model costs. */
  work: { request: undefined; event: never; result: TokenWork }
  /** What a thread can do at most: needs no model. */
  ceilings: { request: { limits: readonly Limit[]; milliseconds: number }; event: never; result: Gauged }
}

export type CallName = keyof Calls

export interface StoreRequest {
  readonly reference: string
  readonly hub: HubOptions
}

export interface ReplyRequest {
  /** Messages go through the chat template; text goes to the model as it is. */
  readonly prompt:
    | { readonly messages: readonly Message[]; readonly tools?: readonly ToolDefinition[] }
    | { readonly text: string }
  /** Whose keys and values to go on from and keep; without one nothing is kept. */
  readonly conversation: number | undefined
  readonly options: ReplyOptions
}

export interface SaveRequest {
  readonly conversation: number
  readonly record: ConversationRecord
  /** Of a file; without one it becomes a Blob. */
  readonly path: string | undefined
}

export interface RestoreRequest {
  /** What it is called by from now on. */
  readonly conversation: number
  readonly from: string | Blob
  /** Whether its keys and values are left where they are. */
  readonly messagesOnly: boolean
}

export interface TimeRequest {
  readonly conversation: number
  readonly ids: Int32Array
  /** Steps with one token each, of which the first computes the last of `ids`; 0 for the ids alone. */
  readonly steps: number
}

export interface TimeResult {
  /** Those of the ids that were there already. */
  readonly cachedTokens: number
  readonly milliseconds: number
}

export interface AttachRequest {
  readonly path: ModelLocation
  /** What the adapter is called by from now on. */
  readonly adapter: number
  readonly scale: number
}

export type ToWorker =
  | {
      readonly [Name in CallName]: {
        readonly id: number
        readonly call: Name
        readonly request: Calls[Name]['request']
      }
    }[CallName]
  | { readonly abort: number }

export type FromWorker =
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SerializedError }
