import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "*.mjs"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      // Numbers are what most sentences here are about.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // Indexes of typed arrays that are known to lie inside.
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
);
