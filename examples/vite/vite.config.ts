import { defineConfig } from 'vite'

/** With these a browser lets the engine's threads share memory; without them it runs on one. Send them in production too. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  server: { headers },
  preview: { headers },
  // A model is a file to fetch, not to inline.
  assetsInclude: ['**/*.gguf'],
})
