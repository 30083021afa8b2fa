-- Types of events that nobody is told of stay in the store, and never enter the outbox.
-- depends: 0004-level

-- The trigger's arguments are the types that it passes over: those that the registry keeps, as each service's own
-- migrations name them. Without any, it passes over nothing.
CREATE OR REPLACE FUNCTION enqueue_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.unsent (position, stream, version)
    SELECT a.position, a.stream, a.version FROM appended a WHERE TG_NARGS = 0 OR a.type <> ALL (TG_ARGV);
    RETURN NULL;
END
$$;
