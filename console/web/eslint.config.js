import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules", "src/api/*schema.d.ts"] },
  ...tseslint.configs.strict,
  hooks.configs.flat.recommended,
  { files: ["src/**/*.tsx"], ...a11y.flatConfigs.strict },
  { rules: { "max-lines": ["error", { max: 220, skipBlankLines: true, skipComments: true }] } },
);
