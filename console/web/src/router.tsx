import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";

import { filtersFrom } from "./pages/journeys/filters";
import { NotFound } from "./shell/NotFound";
import { Shell } from "./shell/Shell";
import { Failure } from "./ui/states";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const at = <Path extends string>(path: Path) => ({ getParentRoute: () => root, path }) as const;

const routes = [
  createRoute({
    ...at("/"),
    validateSearch: filtersFrom,
    component: lazyRouteComponent(() => import("./pages/journeys/StuckPage")),
  }),
  createRoute({
    ...at("/journeys"),
    validateSearch: filtersFrom,
    component: lazyRouteComponent(() => import("./pages/journeys/JourneysPage")),
  }),
  createRoute({
    ...at("/j/$key"),
    component: lazyRouteComponent(() => import("./pages/journey/JourneyPage")),
  }),
  createRoute({
    ...at("/failures"),
    component: lazyRouteComponent(() => import("./pages/failures/FailuresPage")),
  }),
  createRoute({
    ...at("/edits"),
    component: lazyRouteComponent(() => import("./pages/edits/EditsPage")),
  }),
  createRoute({
    ...at("/topics"),
    component: lazyRouteComponent(() => import("./pages/topics/TopicsPage")),
  }),
  createRoute({
    ...at("/services"),
    component: lazyRouteComponent(() => import("./pages/services/ServicesPage")),
  }),
  createRoute({
    ...at("/catalogue"),
    component: lazyRouteComponent(() => import("./pages/catalogue/CataloguePage")),
  }),
  createRoute({
    ...at("/webhooks"),
    component: lazyRouteComponent(() => import("./pages/webhooks/WebhooksPage")),
  }),
  createRoute({
    ...at("/webhooks/$id"),
    component: lazyRouteComponent(() => import("./pages/webhooks/EndpointPage")),
  }),
  createRoute({
    ...at("/subscribers"),
    component: lazyRouteComponent(() => import("./pages/subscribers/SubscribersPage")),
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
