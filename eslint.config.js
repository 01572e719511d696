// What the linter asks of the client, of its tests, and of the servers it is measured beside.

import js from '@eslint/js';
import globals from 'globals';

export default [
  { ignores: ['tests/browser/output/', 'bench/peers/node_modules/'] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: 'module' },
    rules: {
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'max-depth': ['error', 3],
      'max-lines': ['error', 450],
      'max-params': ['error', 6],
      'no-console': 'error',
      'no-implicit-coercion': 'error',
      'no-param-reassign': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['static/**'], languageOptions: { globals: globals.browser } },
  // They are programs, which say where they serve.
  { files: ['bench/peers/**'], languageOptions: { globals: globals.node }, rules: { 'no-console': 'off' } },
  { files: ['tests/browser/**', 'scripts/**', 'eslint.config.js'], languageOptions: { globals: { ...globals.node, scrollX: 'readonly', scrollY: 'readonly' } } },
];
