export function checkKernels(): void {}
