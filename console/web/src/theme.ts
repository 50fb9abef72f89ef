import {
  createTheme,
  Drawer,
  Menu,
  Modal,
  defaultVariantColorsResolver,
  type CSSVariablesResolver,
  type MantineColorsTuple,
} from "@mantine/core";

const harbour: MantineColorsTuple = [
  "#eef6f9",
  "#dbe9ef",
  "#b5d2de",
  "#8cb9cc",
  "#6aa5bd",
  "#5398b3",
  "#3f8099",
  "#316f88",
  "#265a70",
  "#1b4759",
];

/** Calm and dense: whoever reads this was woken at three in the morning. */
export const theme = createTheme({
  primaryColor: "harbour",
  primaryShade: { light: 8, dark: 7 },
  colors: { harbour },
  autoContrast: true,
  defaultRadius: "sm",
  cursorType: "pointer",
  fontFamily: "'Inter Variable', 'Noto Sans SC', 'Noto Sans CJK SC', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "19px" },
  headings: { fontWeight: "620", sizes: { h1: { fontSize: "20px" }, h2: { fontSize: "15px" } } },
  components: {
    // A dialog's head is no banner of the page, and a menu has nothing in it but its items.
    Modal: Modal.extend({ defaultProps: { attributes: { header: { role: "presentation" } } } }),
    Drawer: Drawer.extend({ defaultProps: { attributes: { header: { role: "presentation" } } } }),
    Menu: Menu.extend({ defaultProps: { withInitialFocusPlaceholder: false } }),
  },
  // The packaged shades of light badges and buttons miss 4.5:1 against their own ground.
  variantColorResolver: (input) => {
    const colors = defaultVariantColorsResolver(input);
    const name = input.color || input.theme.primaryColor;
    if (!["light", "subtle", "outline", "transparent"].includes(input.variant) || name === "dark")
      return colors;
    const ink = `color-mix(in srgb, var(--mantine-color-${name}-9) 80%, black)`;
    const ground = `color-mix(in srgb, var(--mantine-color-${name}-5) 20%, var(--mantine-color-body))`;
    return {
      ...colors,
      ...(input.variant === "light" && { background: ground }),
      color: `light-dark(${ink}, var(--mantine-color-${name}-2))`,
    };
  },
});

export const contrast: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#535b63",
    "--mantine-color-placeholder": "#6b737b",
    "--mantine-color-error": "#b02525",
    "--mantine-color-anchor": "var(--mantine-color-harbour-8)",
    "--mantine-color-body": "#ffffff",
  },
  dark: {
    "--mantine-color-dimmed": "#a9b0b7",
    "--mantine-color-placeholder": "#959ca3",
    "--mantine-color-error": "#ff9b9b",
    "--mantine-color-anchor": "var(--mantine-color-harbour-3)",
    "--mantine-color-body": "#15191d",
  },
});
