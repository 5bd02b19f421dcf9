import { LajuError } from '../errors.ts'
import type { Device } from './device.ts'

/** @throws LajuError `unsupported-platform`: browsers tell too little of the device */
export async function examineDevice(): Promise<Device> {
  throw new LajuError('unsupported-platform', 'A page cannot examine the device that it is on.', {
    remedy: 'Load a model: its `info` says how it runs, and `benchmark` how fast.',
  })
}
