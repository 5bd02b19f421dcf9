/**
 * Where the rows of a head's queries or keys lie in a Hugging Face folder, in the order of a GGUF file of the families
 * that pair neighbours: 0, n/2, 1, n/2 + 1, … for heads of n rows.
 */
export function interleavedRows(headDimension: number): number[] {
  const half = headDimension / 2
  return Array.from({ length: headDimension }, (_, row) => (row % 2) * half + Math.floor(row / 2))
}
