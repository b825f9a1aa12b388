-- A publication may replace the rows of one academy or of some students alone: the log says whose.
--
-- Safe to run again.

alter table serving_staging.publish_log add column if not exists scope text not null default 'all';
alter table serving_staging.publish_log add column if not exists tenant_id uuid; -- of a publication for one academy
comment on column serving_staging.publish_log.scope is 'Whose rows were replaced: all, tenant ID, or N students.';

insert into serving_staging.migration (version, name) values ('20261123000800', 'publish_scope')
on conflict (version) do nothing;
