import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";

import { filtersFrom } from "./pages/journeys/filters";
import { Shell } from "./shell/Shell";
import { NotFound } from "./shell/NotFound";
import { Failure } from "./ui/states";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const page = { getParentRoute: () => root } as const;

const routes = [
  createRoute({
    ...page,
    path: "/",
    validateSearch: filtersFrom,
    component: lazyRouteComponent(() => import("./pages/journeys/StuckPage")),
  }),
  createRoute({
    ...page,
    path: "/journeys",
    validateSearch: filtersFrom,
    component: lazyRouteComponent(() => import("./pages/journeys/JourneysPage")),
  }),
  createRoute({
    ...page,
    path: "/j/$key",
    component: lazyRouteComponent(() => import("./pages/journey/JourneyPage")),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren(routes),
  basepath: "/app",
  defaultPreload: "intent",
  defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
