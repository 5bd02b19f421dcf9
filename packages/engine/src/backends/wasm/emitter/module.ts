import { ByteWriter } from './byte-writer.ts'
import { encodeFunction, TYPE_CODES } from './encode.ts'
import type { FunctionBuilder } from './function.ts'

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const
const FUNCTION_TYPE = 0x60
const MEMORY = 0x02
const MOST_PAGES = 65_536

export interface ModuleOptions {
  /** The imported memory is shared between threads. */
  readonly sharedMemory: boolean
}

/** Collects functions into a module that imports its memory as `bank.memory`. */
export class ModuleBuilder {
  readonly functions: FunctionBuilder[] = []
  readonly #exported = new Set<FunctionBuilder>()

  /** For calls from other functions only. */
  addInternal(builder: FunctionBuilder): FunctionBuilder {
    this.functions.push(builder)
    return builder
  }

  /** Adds a function that JavaScript may call by its name. */
  add(builder: FunctionBuilder): FunctionBuilder {
    this.#exported.add(builder)
    return this.addInternal(builder)
  }

  /** The module in the binary format. */
  assemble(options: ModuleOptions): Uint8Array<ArrayBuffer> {
    const module = new ByteWriter()
    module.append(MAGIC_AND_VERSION)
    const section = (id: number, content: ByteWriter): void => {
      module.byte(id)
      module.sized(content)
    }
    section(SECTION.type, this.#types())
    section(SECTION.import, memoryImport(options))
    section(SECTION.function, this.#typeIndices())
    section(SECTION.export, this.#exports())
    section(SECTION.code, this.#code())
    return new Uint8Array(module.bytes)
  }

  #types(): ByteWriter {
    return this.#list(({ parameters }, type) => {
      type.byte(FUNCTION_TYPE)
      type.unsigned(parameters.length)
      for (const parameter of parameters) type.byte(TYPE_CODES[parameter.type])
      type.unsigned(0)
    })
  }

  #typeIndices(): ByteWriter {
    return this.#list((builder, indices) => indices.unsigned(this.#indexOf(builder)))
  }

  #exports(): ByteWriter {
    const exports = new ByteWriter()
    exports.unsigned(this.#exported.size)
    for (const builder of this.#exported) {
      exports.text(builder.name)
      exports.byte(0)
      exports.unsigned(this.#indexOf(builder))
    }
    return exports
  }

  #code(): ByteWriter {
    return this.#list((builder, code) => code.sized(encodeFunction(builder, (callee) => this.#indexOf(callee))))
  }

  #list(write: (builder: FunctionBuilder, target: ByteWriter) => void): ByteWriter {
    const list = new ByteWriter()
    list.unsigned(this.functions.length)
    for (const builder of this.functions) write(builder, list)
    return list
  }

  #indexOf(builder: FunctionBuilder): number {
    const index = this.functions.indexOf(builder)
    if (index < 0) throw new RangeError(`${builder.name} is not in the module`)
    return index
  }
}

function memoryImport(options: ModuleOptions): ByteWriter {
  const content = new ByteWriter()
  content.unsigned(1)
  content.text('bank')
  content.text('memory')
  content.byte(MEMORY)
  content.byte(options.sharedMemory ? 3 : 1)
  content.unsigned(0)
  content.unsigned(MOST_PAGES)
  return content
}
