export { type Device, examineDevice } from '#client/device'
export { findDownloads, listDownloads, pull, removeDownloads } from '#client/downloads'
export { inspect, inspectAdapter, openTokenizer } from '#client/inspect'
export type { QuantizedFile } from '#convert/quantize-file'
export type { Machine } from '#machine/machine'
export { startWorkersFrom } from '#machine/worker'
export type { BackendName, CacheType } from './backends/backend.ts'
export { CACHE_TYPES } from './backends/backend.ts'
export type { Message, Role } from './chat/message.ts'
export type {
  FinishReason,
  Reply,
  ReplyOptions,
  ReplyPart,
  Timings,
  TokenLogprob,
  ToolResultPart,
  Usage,
} from './chat/reply.ts'
export type { ToolCall, ToolDefinition } from './chat/tools.ts'
export type { Adapter } from './client/adapter.ts'
export {
  type Benchmark,
  type BenchmarkOptions,
  type BenchmarkProgress,
  benchmark,
  type Spread,
} from './client/benchmark.ts'
export { Conversation, type ConversationOptions, type RestoreOptions } from './client/conversation.ts'
export { Generation } from './client/generation.ts'
export { load, Model } from './client/model.ts'
export { type QuantizeOptions, quantize } from './client/quantize.ts'
export type { ChatOptions, Tool, ToolOptions, Tools } from './client/tools.ts'
export { FILE_TYPE_NAMES, type FileType } from './convert/file-type.ts'
export { QUANTIZE_CHOICES, type QuantizeChoice, type QuantizedWeights } from './convert/quantize-on-load.ts'
export {
  AbortError,
  CheckpointError,
  ContextError,
  DownloadError,
  EngineError,
  type ErrorCode,
  LajuError,
  OptionError,
  TemplateError,
  TokenizerError,
} from './errors.ts'
export type { DownloadedModel } from './hub/downloaded.ts'
export type { ModelSource } from './hub/model-location.ts'
export type { DownloadProgress } from './hub/progress.ts'
export type { HubOptions, PullOptions } from './hub/pull.ts'
export { SHORT_NAMES } from './hub/short-names.ts'
export type { Tokenizer } from './tokenizer/tokenizer.ts'
export type {
  AdapterInfo,
  AskOptions,
  AttachOptions,
  LoadOptions,
  LoadProgress,
  MemoryEstimate,
  ModelInfo,
  QuantizeProgress,
  RankedDocument,
  RankOptions,
  SourceOptions,
} from './worker/types.ts'
