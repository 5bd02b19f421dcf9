import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['laju-source'] },
  ssr: { resolve: { conditions: ['laju-source'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'bench/**/*.test.ts', 'scripts/**/*.test.ts', 'examples/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
