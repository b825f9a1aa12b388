-- What was recommended to whom, when it first stood among the first ten, so that later plans can be held against it.
--
-- Kept a year. Safe to run again.

create table if not exists serving_staging.first_shown (
    student_id uuid not null,
    content_id uuid not null,
    tenant_id uuid not null,
    content_type text not null,
    subject_group text,
    rank smallint not null,
    score real not null,
    reason_codes text[] not null,
    source text not null,
    version bigint not null, -- of the publication
    as_of text not null, -- YYYY-MM-DD
    model_version text not null,
    shown_at timestamptz not null,
    primary key (student_id, content_id)
);
comment on table serving_staging.first_shown is
    'Each content that stood among a student''s first ten, as it stood there first. Written by each publication.';

do $$
begin
    if to_regrole('pipeline_transformer') is not null and to_regrole('pipeline_publisher') is not null then
        grant select on serving_staging.first_shown to pipeline_transformer;
        grant select, insert, delete on serving_staging.first_shown to pipeline_publisher;
    end if;
end
$$;

insert into serving_staging.migration (version, name) values ('20261123001000', 'first_shown')
on conflict (version) do nothing;
